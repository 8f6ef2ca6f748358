const retryMsMin = 100;
const retryMsMax = 10_000;

/** Work that is tried until nothing is left of it: at once when there is news, and ever more seldom while it fails. */
export class CatchingUp {
  private working: Promise<void> | undefined;
  private stopped = false;
  /** Rises with everything that may be worth another try at once. */
  private news = 0;
  private wakeUp: () => void = () => undefined;

  constructor(
    private readonly parts: {
      isBehind(): boolean;
      /** One try at all that is left. False: some of it failed, and was told of. */
      attempt(): Promise<boolean>;
    },
  ) {}

  /** Something may be left. */
  wake(): void {
    this.news += 1;
    this.wakeUp();
    if (this.stopped || this.working !== undefined) return;
    this.working = this.run().finally(() => {
      this.working = undefined;
      // What came after the last look.
      if (!this.stopped && this.parts.isBehind()) this.wake();
    });
  }

  /** Resolves when the try that is under way has ended. */
  async stop(): Promise<void> {
    this.stopped = true;
    this.wakeUp();
    await this.working;
  }

  private async run(): Promise<void> {
    let retryMs = retryMsMin;
    while (!this.stopped && this.parts.isBehind()) {
      const { news } = this;
      if ((await this.parts.attempt()) || news !== this.news) {
        retryMs = retryMsMin;
        continue;
      }
      await this.wait(retryMs);
      retryMs = Math.min(retryMs * 2, retryMsMax);
    }
  }

  /** Until the time has passed or there is news. */
  private async wait(ms: number): Promise<void> {
    if (this.stopped) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.wakeUp = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.wakeUp = () => undefined;
  }
}

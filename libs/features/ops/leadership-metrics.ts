import { Gauge, type Registry } from 'prom-client';
import type { AcquireLeadership, Leadership } from '#libs/leadership';

/** Which duties a registry shows: several may be one process's. */
const shown = new WeakMap<Registry, Map<string, () => boolean>>();

/** The same, and shows whether this process leads: over all processes with a duty the sum is 1 when all is well. */
export function observeLeadership(registry: Registry, duty: string, acquire: AcquireLeadership): AcquireLeadership {
  let leadership: Leadership | undefined;
  dutiesOf(registry).set(duty, () => leadership?.holds() === true);
  return async (signal) => {
    const gained = await acquire(signal);
    leadership = gained;
    return {
      lost: gained.lost,
      holds: () => gained.holds(),
      release: () => {
        if (leadership === gained) leadership = undefined;
        return gained.release();
      },
    };
  };
}

function dutiesOf(registry: Registry): Map<string, () => boolean> {
  const known = shown.get(registry);
  if (known !== undefined) return known;
  const duties = new Map<string, () => boolean>();
  shown.set(registry, duties);
  new Gauge({
    name: 'vitrine_leads',
    help: '1 while this process does the work of its duty, 0 while it stands by.',
    labelNames: ['duty'],
    registers: [registry],
    collect() {
      for (const [duty, leads] of duties) this.set({ duty }, leads() ? 1 : 0);
    },
  });
  return duties;
}

import { Gauge, type Registry } from 'prom-client';
import type { AcquireLeadership, Leadership } from '#libs/leadership';

/** The same, and shows whether this process leads: over all processes with a duty the sum is 1 when all is well. */
export function observeLeadership(registry: Registry, duty: string, acquire: AcquireLeadership): AcquireLeadership {
  let leadership: Leadership | undefined;
  new Gauge({
    name: 'vitrine_leads',
    help: '1 while this process does the work of its duty, 0 while it stands by.',
    labelNames: ['duty'],
    registers: [registry],
    collect() {
      this.set({ duty }, leadership?.holds() === true ? 1 : 0);
    },
  });
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

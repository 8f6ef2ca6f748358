import type { ApolloServerPlugin } from '@apollo/server';
import { Kind } from 'graphql';
import { Histogram, type Registry } from 'prom-client';

/** Seconds per operation, by its first field (the schema's, so their number is bounded) and by how it ended. */
export function operationMetrics(registry: Registry): ApolloServerPlugin {
  const seconds = new Histogram({
    name: 'vitrine_admin_operation_seconds',
    help: 'GraphQL operations by first field and outcome (ok, error).',
    labelNames: ['field', 'outcome'],
    buckets: [0.005, 0.02, 0.1, 0.5, 2, 10],
    registers: [registry],
  });
  return {
    async requestDidStart() {
      const started = performance.now();
      return {
        async willSendResponse({ operation, errors }) {
          const first = operation?.selectionSet.selections[0];
          const field = first?.kind === Kind.FIELD ? first.name.value : 'none';
          seconds.observe({ field, outcome: errors === undefined ? 'ok' : 'error' }, (performance.now() - started) / 1000);
        },
      };
    },
  };
}

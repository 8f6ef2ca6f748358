import { startEsdbServer } from '../testing/esdb-server/index.js';
import { eventLogContract } from '../testing/event-log.contract.js';
import { openEventStoreDb } from './eventstoredb-log.js';

eventLogContract('EventStoreDB (test server)', async () => {
  const server = await startEsdbServer();
  const { connectionString } = server;
  let log = await openEventStoreDb({ connectionString });
  return {
    log,
    async reopen() {
      await log.close();
      await server.restart();
      log = await openEventStoreDb({ connectionString });
      return log;
    },
    async dispose() {
      await log.close();
      await server.stopAbruptly();
    },
  };
});

const real = process.env.VITRINE_TEST_ESDB;
if (real !== undefined) {
  eventLogContract(`EventStoreDB (VITRINE_TEST_ESDB)`, async () => {
    let log = await openEventStoreDb({ connectionString: real });
    return {
      log,
      async reopen() {
        await log.close();
        log = await openEventStoreDb({ connectionString: real });
        return log;
      },
      dispose: () => log.close(),
    };
  });
}

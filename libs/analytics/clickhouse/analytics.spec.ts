import { analyticsContract } from '../testing/analytics.contract.js';
import { startTestDatabase } from '../testing/test-database.js';

analyticsContract('in one ClickHouse', startTestDatabase);

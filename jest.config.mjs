/** Unit, contract and end-to-end tests on the embedded engines: `npm test`. Files that need the whole data sets or servers end in `.servers.spec.ts`, fault runs of minutes in `.long.spec.ts`. */
export const shared = {
  rootDir: '.',
  roots: ['<rootDir>/apps', '<rootDir>/libs', '<rootDir>/test'],
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts'],
  transform: { '^.+\\.ts$': ['@swc/jest', { sourceMaps: 'inline' }] },
  testEnvironmentOptions: { customExportConditions: ['source', 'node', 'node-addons'] },
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
  setupFiles: ['reflect-metadata'],
  setupFilesAfterEnv: ['<rootDir>/tools/jest-retry.mjs'],
  testTimeout: 60_000,
  testSequencer: '<rootDir>/tools/longest-first.mjs',
  // What libraries print late, after the last test of a file, would count as a failure.
  silent: process.env.CI === 'true',
};

export default {
  ...shared,
  testMatch: ['**/*.spec.ts'],
  testPathIgnorePatterns: ['/node_modules/', '\\.(servers|long)\\.spec\\.ts$'],
  maxWorkers: 2,
  workerIdleMemoryLimit: '1GB',
};

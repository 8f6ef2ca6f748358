export { ContentQueryModule, type ContentQueryOptions, type ContentQueryPorts } from './content-query.module.js';
export { contentQueryForms } from './forms.js';
export { configureContentQueryHttp, edgeServerOptions } from './http-errors.js';
export * from './limits.js';
export { ServingTables } from './serving-tables.js';

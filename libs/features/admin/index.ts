export { AdminModule } from './admin.module.js';
export { configureAdminHttp } from './http/configure-admin-http.js';
export * from './keys/keys.js';

export * from './calls';
export * from './client';
export * from './errors';
export { LECTERN_OPTIONS } from './module-definition';
export * from './module';
export * from './notification.service';
export type { LecternOptions } from './options';
export * from './websocket-gateway.service';
export * from './websocket.service';

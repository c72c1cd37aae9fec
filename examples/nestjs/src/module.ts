// The module: the client and what is made of it, injectable everywhere.

import { Module } from '@nestjs/common';
import { LecternClient } from './client';
import { LecternHealthIndicator } from './health';
import { LecternListener } from './listener';
import { ConfigurableModuleClass } from './module-definition';
import { NotificationService } from './notification.service';
import { WebSocketGatewayService } from './websocket-gateway.service';
import { WebSocketService } from './websocket.service';

/** What can be injected. */
export const SERVICES = [LecternClient, NotificationService, WebSocketService, WebSocketGatewayService, LecternHealthIndicator];

/**
 * `LecternModule.forRoot({ url, apiKey })`, or `forRootAsync({ imports, inject, useFactory | useClass | useExisting })`.
 * It is global unless `isGlobal` is false, needs no HTTP server, and connects to nothing until a call is made.
 */
@Module({ providers: [...SERVICES, LecternListener], exports: SERVICES })
export class LecternModule extends ConfigurableModuleClass {}

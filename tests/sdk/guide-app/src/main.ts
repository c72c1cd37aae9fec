// The platform's back end. POST /guide/NAME does what the guide's snippet of that name says, in the Nest application
// that this is. Says where it listens.
import 'reflect-metadata';
import { Controller, Module, Param, Post } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { LecternModule } from '@lectern/nestjs';
import './names.js';
import { NotificationService } from './notifications/notification.service.js';
import { WebSocketService } from './websocket/websocket.service.js';

@Controller('guide')
class GuideController {
  constructor(notificationService: NotificationService, webSocketService: WebSocketService) {
    Object.assign(globalThis, { notificationService, webSocketService });
  }

  @Post(':name')
  async run(@Param('name') name: string): Promise<void> {
    await import(`./${name}.js`);
  }
}

@Module({ controllers: [GuideController] })
class GuideModule {}

@Module({
  imports: [
    LecternModule.forRootAsync({ useFactory: () => ({ url: process.env['LECTERN_URL']!, apiKey: process.env['LECTERN_KEY']! }) }),
    GuideModule,
  ],
})
class AppModule {}

const app = await NestFactory.create(AppModule, { logger: ['error', 'warn'] });
app.enableShutdownHooks();
await app.listen(0, '127.0.0.1');
console.log(await app.getUrl());

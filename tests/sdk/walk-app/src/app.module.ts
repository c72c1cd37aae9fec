import { Module } from '@nestjs/common';
import { EventEmitterModule } from '@nestjs/event-emitter';
import { BookingsController } from './bookings/bookings.controller';
import { NotificationsModule } from './notifications/notifications.module';
import { WebSocketModule } from './websocket/websocket.module';

@Module({
  imports: [EventEmitterModule.forRoot(), WebSocketModule, NotificationsModule],
  controllers: [BookingsController],
})
export class AppModule {}

import { Body, Controller, Param, Post } from '@nestjs/common';
import { EventEmitter2 } from '@nestjs/event-emitter';
import { NotificationService } from '../notifications/notification.service';

@Controller('bookings')
export class BookingsController {
  constructor(
    private readonly notifications: NotificationService,
    private readonly events: EventEmitter2,
  ) {}

  @Post(':id/accept')
  async accept(@Param('id') id: string, @Body() { learnerId }: { learnerId: string }): Promise<{ notificationId: string }> {
    const notification = await this.notifications.createNotification({
      userId: learnerId,
      type: 'BOOKING_ACCEPTED',
      title: 'Your booking is accepted',
      message: 'See you on Monday at ten.',
      data: { bookingId: id },
      actionUrl: `/bookings/${id}`,
    });
    return { notificationId: notification.id };
  }

  @Post('closed')
  close(): void {
    this.events.emit('notification.system', {
      notification: { type: 'SYSTEM_ANNOUNCEMENT', title: 'No bookings today', message: 'We are back tomorrow.' },
    });
  }
}

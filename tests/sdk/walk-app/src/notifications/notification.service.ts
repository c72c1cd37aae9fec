import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { EventEmitter2 } from '@nestjs/event-emitter';

export interface CreateNotificationData {
  userId: string;
  type: string;
  title: string;
  message: string;
  data?: any;
  priority?: string;
  actionUrl?: string;
}

@Injectable()
export class NotificationService {
  private readonly rows: (CreateNotificationData & { id: string; isRead: boolean; createdAt: Date })[] = [];

  constructor(private readonly events: EventEmitter2) {}

  async createNotification(data: CreateNotificationData) {
    const notification = { id: randomUUID(), priority: 'NORMAL', isRead: false, createdAt: new Date(), ...data };
    this.rows.push(notification);
    this.events.emit('notification.created', { userId: data.userId, notification });
    return notification;
  }
}

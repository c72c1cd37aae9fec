// Who is connected, and events to them, with the method names of the guide's WebSocketGatewayService.
//
// In the old gateway six of these were synchronous, as the connections were in its own process. They are in the
// server now, so these are promises, too.

import { Inject, Injectable } from '@nestjs/common';
import { LecternClient, type LecternCallOptions } from './client';

export interface NotificationResults {
  successCount: number;
  totalUsers: number;
  results: { userId: string; success: boolean }[];
}

export interface ConnectionStatus {
  totalConnected: number;
  connectedUsers: { userId: string; socketId: string; isOnline: true }[];
  timestamp: string;
}

/** Each method may have options of its call last. Nothing of this is kept. */
@Injectable()
export class WebSocketGatewayService {
  constructor(@Inject(LecternClient) private readonly client: LecternClient) {}

  /** Sends the event `notification` to a person's devices. True, also when there are none. */
  sendNotificationToUser(userId: string, notification: any, options?: LecternCallOptions): Promise<boolean> {
    return this.ask('sendNotificationToUser', [userId, notification], options, () => false);
  }

  /** Sends the event `notification` to several people; `success` says who was there. */
  sendNotificationToUsers(userIds: string[], notification: any, options?: LecternCallOptions): Promise<NotificationResults> {
    return this.ask('sendNotificationToUsers', [userIds, notification], options, () => ({
      successCount: 0,
      totalUsers: userIds.length,
      results: userIds.map((userId) => ({ userId, success: false })),
    }));
  }

  /** Sends the event `notification` to everybody who is connected. */
  sendNotificationToAllConnected(notification: any, options?: LecternCallOptions): Promise<NotificationResults> {
    return this.ask('sendNotificationToAllConnected', [notification], options, () => ({
      successCount: 0,
      totalUsers: 0,
      results: [],
    }));
  }

  /** Sends the event `notification` to everybody in a room. */
  async sendNotificationToRoom(room: string, notification: any, options?: LecternCallOptions): Promise<void> {
    await this.ask<unknown>('sendNotificationToRoom', [room, notification], options, () => undefined);
  }

  /** Sends an event to everybody who is connected. */
  async broadcastToAll(event: string, data: any, options?: LecternCallOptions): Promise<void> {
    await this.ask<unknown>('broadcastToAll', [event, data], options, () => undefined);
  }

  isUserConnected(userId: string, options?: LecternCallOptions): Promise<boolean> {
    return this.ask('isUserConnected', [userId], options, () => false);
  }

  /** The id of a person's newest socket. */
  async getUserSocketId(userId: string, options?: LecternCallOptions): Promise<string | undefined> {
    return (await this.ask<string | null>('getUserSocketId', [userId], options, () => null)) ?? undefined;
  }

  /** How many people are connected, each counted once. */
  getConnectedUsersCount(options?: LecternCallOptions): Promise<number> {
    return this.ask('getConnectedUsersCount', [], options, () => 0);
  }

  getConnectedUsers(options?: LecternCallOptions): Promise<string[]> {
    return this.ask('getConnectedUsers', [], options, () => []);
  }

  getConnectionStatus(options?: LecternCallOptions): Promise<ConnectionStatus> {
    return this.ask('getConnectionStatus', [], options, () => ({
      totalConnected: 0,
      connectedUsers: [],
      timestamp: new Date().toISOString(),
    }));
  }

  areUsersConnected(userIds: string[], options?: LecternCallOptions): Promise<{ [userId: string]: boolean }> {
    return this.ask('areUsersConnected', [userIds], options, () => Object.fromEntries(userIds.map((userId) => [userId, false])));
  }

  private ask<T>(name: string, args: unknown[], options: LecternCallOptions | undefined, instead: () => T): Promise<T> {
    return this.client.failures.guard(() => this.client.call<T>(name, args, options), instead);
  }
}

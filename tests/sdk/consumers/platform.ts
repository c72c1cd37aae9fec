// A platform's code as its compiler sees it: strict, and with the libraries' own types looked at.
import { Injectable, Module } from '@nestjs/common';
import {
  LecternClient,
  LecternError,
  LecternHealthIndicator,
  LecternModule,
  LecternOutboxModule,
  enqueue,
  releaseParked,
  LecternTestingModule,
  NotificationService,
  RecordingLecternClient,
  WebSocketGatewayService,
  WebSocketService,
  type LecternOptions,
  type Notification,
} from '@lectern/nestjs';

declare module '@lectern/nestjs' {
  interface LecternCalls {
    openWhiteboard(courseId: string, size: { width: number; height: number }): { url: string };
  }
}

@Injectable()
export class Config {
  createOptions(): LecternOptions {
    return { url: 'http://localhost:3001', apiKey: process.env['LECTERN_KEY'] };
  }
  create(): LecternOptions {
    return this.createOptions();
  }
}

// As much of a client of pg as its own types say.
declare const database: {
  query(text: string, values?: any[]): Promise<{ rows: any[] }>;
  release(error?: Error | boolean): void;
  on(event: 'error', listener: (error: Error) => void): unknown;
};

@Module({ providers: [Config], exports: [Config] })
export class ConfigModule {}

@Module({
  imports: [
    LecternModule.forRoot({ url: 'http://localhost:3001', apiKey: 'lk_', timeout: 5000, onError: 'log', listen: true }),
    LecternModule.forRootAsync({ imports: [ConfigModule], inject: [Config], useFactory: (config: Config) => config.create(), isGlobal: false }),
    LecternModule.forRootAsync({ useClass: Config }),
    LecternTestingModule.forRoot(),
    LecternOutboxModule.forRoot({ connect: async () => database, batch: undefined, onParked: undefined }),
  ],
})
export class AppModule {}

@Injectable()
export class Lessons {
  constructor(
    private readonly notifications: NotificationService,
    private readonly sockets: WebSocketService,
    private readonly gateway: WebSocketGatewayService,
    private readonly client: LecternClient,
    private readonly health: LecternHealthIndicator,
  ) {}

  async all(): Promise<void> {
    const row: Notification = await this.notifications.createNotification({ userId: 'u', type: 'T', title: 't', message: 'm', data: { at: new Date() } });
    const at: number = row.createdAt.getTime();
    const { count }: { count: number } = await this.notifications.createBulkNotifications([{ userId: 'u', type: 'T', title: 't', message: 'm' }]);
    const { pagination: { pages } } = await this.notifications.getUserNotifications('u', 1, 20);
    await this.notifications.createRoomNotification('course:1', { type: 'T', title: 't', message: 'm' }, { idempotencyKey: 'k' });
    await this.sockets.sendDiscussionMessage('course:1', { id: 'm', discussionId: 'd', userId: 'u', content: 'c', timestamp: new Date() });
    const online: boolean = await this.gateway.isUserConnected('u');
    const socket: string | undefined = await this.gateway.getUserSocketId('u');
    const unread: number = await this.client.call('getUnreadCount', ['u']);
    const { url } = await this.client.call('openWhiteboard', ['1', { width: 1, height: 2 }]);
    const other = await this.client.call<{ n: number }>('something_else', ['x']);
    await enqueue(database, 'createNotification', [{ userId: 'u', type: 'T', title: 't', message: 'm' }]);
    await enqueue(database, 'something_else', ['x']);
    await releaseParked(database, ['7']);
    const status: 'up' | 'down' = (await this.health.isHealthy()).lectern.status;
    try {
      // @ts-expect-error a number is no list of arguments
      await this.client.call('openWhiteboard', ['1', 2]);
      // @ts-expect-error it has no message
      await enqueue(database, 'createNotification', [{ userId: 'u', type: 'T', title: 't' }]);
      // @ts-expect-error it has no title
      await this.notifications.createNotification({ userId: 'u', type: 'T', message: 'm' });
    } catch (error) {
      if (error instanceof LecternError && error.retryable) console.log(error.code, error.status, error.requestId);
    }
    console.log(at, count, pages, online, socket, unread, url.length, other.n, status, new RecordingLecternClient().lastNotification('u')?.title);
  }
}

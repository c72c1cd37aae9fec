// examples/elearning/public/inbox.js, as far as this page uses it.
declare module 'lectern-inbox' {
  import type { StoredNotification } from '@lectern/nestjs/events';

  export class Inbox {
    constructor(socket: object, options?: { keep?: number; retry?: number; onChange?: () => void });
    /** Newest first. */
    readonly list: StoredNotification[];
    /** undefined until it is loaded. */
    readonly unreadCount: number | undefined;
    markRead(id: string): Promise<unknown>;
    markAllRead(): Promise<unknown>;
    /** Asks for what is missing. */
    catchUp(): Promise<void>;
  }
}

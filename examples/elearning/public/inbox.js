// A person's notifications on one device, as an app keeps them: the list, newest first, and the badge. It
// follows the pushes, each of which is one change with the next number (`rev`), and asks for what it missed:
// after a reconnect, and when a number is left out. Wants a socket.io-client, and nothing else.
//
//   const inbox = new Inbox(socket, { onChange: () => draw(inbox.list, inbox.unreadCount) });
//   await inbox.markRead(id);
//
// What is known is of one moment: `rev`, in the store `epoch`. While a question is under way, pushes are only
// written down, and what the answer does not hold yet is applied behind it.

const TIMEOUT = 10_000; // ms, for an answer
const PAGE = 100;

export class Inbox {
  // keep: the most that is loaded of the list. retry: ms before what failed is asked again.
  constructor(socket, { keep = 1000, retry = 1000, onChange = () => {} } = {}) {
    Object.assign(this, { socket, keep, retry, onChange });
    this.items = new Map(); // id → notification
    this.rev = this.epoch = this.unreadCount = undefined; // until it is loaded
    this.cursor = undefined; // of what is older than all that is loaded
    this.written = []; // pushes while a question is under way
    this.asking = false;
    socket.on('connected', (badge) => this.greeted(badge));
    socket.on('notification', (push) => this.pushed({ ...push, notification: push }));
    socket.on('unread_count', (push) => this.pushed(push));
  }

  // Ids are in the order of time.
  get list() {
    return [...this.items.values()].sort((a, b) => (a.id < b.id ? 1 : -1));
  }

  markRead(id) {
    return this.ask('mark_notification_read', { id });
  }
  markAllRead() {
    return this.ask('mark_all_notifications_read');
  }
  delete(id) {
    return this.ask('delete_notification', { id });
  }

  // --- what comes

  // Without a badge the database was away; so it is asked until it is back.
  greeted({ rev, epoch }) {
    if (this.rev === undefined || rev !== this.rev || epoch !== this.epoch || this.wantsMore) this.catchUp();
  }

  pushed(push) {
    if (push.rev === undefined) return; // to a room: nobody keeps it
    if (this.asking) this.written.push(push);
    else if (this.rev === undefined || push.rev > this.rev + 1) this.catchUp();
    else this.apply(push);
  }

  apply({ notification, unreadCount, rev, readIds = [], allRead, removedIds = [] }) {
    if (rev <= this.rev) return; // it was in an answer already
    if (notification) this.keepOne(notification);
    if (allRead) for (const one of this.items.values()) one.isRead = true;
    for (const id of readIds) if (this.items.has(id)) this.items.get(id).isRead = true;
    for (const id of removedIds) this.items.delete(id);
    Object.assign(this, { unreadCount, rev });
    this.onChange(this);
  }

  keepOne({ unreadCount, rev, removedIds, ...notification }) {
    this.items.set(notification.id, notification);
  }

  // --- what is asked for

  async ask(event, ...args) {
    const answer = await this.socket.timeout(TIMEOUT).emitWithAck(event, ...args);
    if (answer?.ok !== true) throw Object.assign(new Error(answer?.error?.message ?? 'no answer'), answer?.error);
    return answer;
  }

  // Asks until all is known, or the connection is gone: then the next `connected` begins it again.
  async catchUp() {
    if (this.asking) return;
    this.asking = true;
    for (let whole = false; !whole && this.socket.connected; ) {
      try {
        await this.load();
        whole = this.applyWritten();
      } catch {
        await new Promise((resolve) => setTimeout(resolve, this.retry));
      }
    }
    this.asking = false;
    this.onChange(this);
  }

  // Pushes that come meanwhile are written down; so what is known stays of the moment of the first answer, or is newer.
  async load() {
    if (this.rev === undefined) {
      this.begin(await this.ask('list_notifications', { limit: PAGE }));
    } else {
      const answer = await this.ask('notifications_since', { rev: this.rev, epoch: this.epoch });
      if (answer.reset) this.begin(answer);
      else this.merge(answer);
    }
    while (this.wantsMore) {
      const older = await this.ask('list_notifications', { limit: PAGE, cursor: this.cursor });
      for (const one of older.notifications) this.keepOne(one);
      this.cursor = older.nextCursor;
    }
  }

  get wantsMore() {
    return this.cursor !== undefined && this.items.size < this.keep;
  }

  begin({ notifications, nextCursor, unreadCount, rev, epoch }) {
    this.items.clear();
    for (const one of notifications) this.keepOne(one);
    Object.assign(this, { unreadCount, rev, epoch, cursor: nextCursor });
  }

  merge({ notifications, removedIds, unreadCount, rev }) {
    const oldest = this.list.at(-1)?.id ?? '';
    for (const one of notifications) {
      if (this.cursor === undefined || one.id >= oldest) this.keepOne(one); // else it is further down than what is loaded
    }
    for (const id of removedIds) this.items.delete(id);
    Object.assign(this, { unreadCount, rev });
  }

  // False: one is missing between what is known and what came.
  applyWritten() {
    for (const push of this.written.splice(0)) {
      if (push.rev > this.rev + 1) return false;
      this.apply(push);
    }
    return true;
  }
}

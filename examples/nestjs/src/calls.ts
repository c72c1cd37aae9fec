// The functions of the server's API, by name: what `LecternClient.call` takes and answers. tests/sdk/types.test.mjs
// holds them against what the server has, and answers.

import type {
  AnnouncementList,
  Badge,
  CourseAnnouncement,
  CourseUpdate,
  DiscussionMessage,
  DiscussionReaction,
  Id,
  LiveSessionEvent,
  LiveSessionEventType,
  MessageType,
  NewNotification,
  NotificationContent,
  NotificationCount,
  NotificationRequest,
  PageRequest,
  PersonId,
  PrivateMessage,
  RoomNotification,
  SentNotification,
  StoredNotification,
  SystemAnnouncement,
  Time,
} from './events';

// --- what is given

/** A message of a room; other fields are kept and sent with it. */
export interface DiscussionMessageInput {
  /** One that was sent before is no second message. */
  id?: string;
  discussionId?: Id;
  userId: PersonId;
  content: string;
  timestamp?: Time;
  /** From then on it is in no history. */
  expiresAt?: Time;
  [field: string]: unknown;
}

export interface PrivateMessageInput {
  /** One that was sent before is no second message. */
  id?: string;
  from: PersonId;
  to: PersonId;
  content: string;
  data?: any;
  messageType?: MessageType;
  attachments?: any[];
  timestamp?: Time;
  /** From then on it is in no history. */
  expiresAt?: Time;
}

export interface LiveSessionEventInput {
  /** The one of the room unless given. */
  sessionId?: Id;
  type: LiveSessionEventType;
  userId?: PersonId;
  data?: any;
}

/** Other fields are kept and sent with it. */
export interface CourseAnnouncementInput {
  /** One that was sent before is no second announcement. */
  id?: string;
  title: string;
  message: string;
  instructorId?: PersonId;
  timestamp?: Time;
  /** From then on it is in no list. */
  expiresAt?: Time;
  [field: string]: unknown;
}

/** Other fields are sent with it. */
export interface CourseUpdateInput {
  type?: string;
  title?: string;
  message?: string;
  data?: any;
  [field: string]: unknown;
}

// --- what is answered

/** A page by its number, newest first. */
export interface NotificationPageAnswer extends Badge {
  notifications: StoredNotification[];
  pagination: { page: number; limit: number; total: number; pages: number };
}

/** Who was there, of those who were to be told. */
export interface ReachedPeople {
  successCount: number;
  totalUsers: number;
  results: { userId: string; success: boolean }[];
}

export interface ConnectedPeople {
  totalConnected: number;
  connectedUsers: { userId: string; socketId: string; isOnline: true }[];
  timestamp: string;
}

/** How many connections it ended. */
export interface Disconnected {
  disconnected: number;
}

/** What is kept about a person: rows of the tables that the README names. Times are milliseconds since 1970. */
export interface PersonExport {
  person: string;
  exportedAt: string;
  name: { person: string; name: string; given: string | null; family: string | null; changed: number }[];
  conversations: { other: string; room: string; begun: number }[];
  notifications: {
    id: string;
    created: number;
    type: string;
    title: string;
    message: string;
    /** JSON. */
    data: string;
    priority: string;
    action_url: string | null;
    read_at: number | null;
    expires_at: number | null;
    born: number;
  }[];
  messagesWritten: ({ recipient: string | null; discussion: string | null } & ExportedMessage)[];
  messagesReceived: ({ author: string } & ExportedMessage)[];
  reactions: { room: string; discussion: string; message: string; reaction: string; created: number }[];
  announcements: { room: string; id: string; created: number; content: string; expires_at: number | null }[];
  readMarks: { room: string; id: string | null; created: number; marked: number }[];
  grants: { room: string; allowed: number; created: number }[];
  revocations: { time: number; created: number }[];
  /** Of the plugin `polls`; `choice` is null of those that the person asked. */
  polls?: { poll: string; question: string; choice: number | null }[];
  /** There is more: give it to the next call. */
  nextCursor?: string;
}

interface ExportedMessage {
  room: string;
  id: string;
  created: number;
  sent: string;
  content: string | null;
  /** JSON of what was given besides. */
  extra: string | null;
  edited_at: number | null;
  deleted_at: number | null;
  expires_at: number | null;
}

export interface PersonErased {
  person: string;
  /** How many rows of each kind are deleted, or are nobody's any more. */
  erased: Record<string, number>;
  disconnected: number;
}

// --- the functions

/**
 * Functions with their arguments and answers. A team adds its own by
 * `declare module '@lectern/nestjs' { interface LecternCalls { … } }`.
 */
export interface LecternCalls {
  // events to whom one likes; they answer how many devices there are

  emitToUser(userId: PersonId, event: string, ...args: unknown[]): number;
  emitToUsers(userIds: PersonId[], event: string, ...args: unknown[]): number;
  emitToRoom(room: string, event: string, ...args: unknown[]): number;
  emitToNamespace(namespace: string, event: string, ...args: unknown[]): number;
  emitToAll(event: string, ...args: unknown[]): number;
  /** Like `emitToAll`, and answers nothing. */
  broadcastToAll(event: string, data: unknown): null;

  // notifications

  /** Keeps one for a person, and pushes it to all their devices. */
  createNotification(notification: NotificationRequest): NewNotification;
  /** Keeps 10,000 at most, or, when one is wrong, none. */
  createBulkNotifications(notifications: NotificationRequest[]): NewNotification[];
  /** Notifies who is in a room now. It is not kept. */
  createRoomNotification(room: string, notification: NotificationContent): RoomNotification;
  /** Tells everybody who is connected now. It is not kept. */
  createSystemAnnouncement(announcement: NotificationContent): SystemAnnouncement;
  /** Pages begin with 1 and have 20 unless told otherwise, 100 at most. */
  getUserNotifications(userId: PersonId, page?: number, limit?: number): NotificationPageAnswer;
  getUnreadCount(userId: PersonId): number;
  /** `count` is 0 when it was read before, or is not theirs. */
  markAsRead(notificationId: string, userId: PersonId): NotificationCount;
  markAllAsRead(userId: PersonId): NotificationCount;
  /** `count` is 0 when there is none. */
  deleteNotification(notificationId: string, userId: PersonId): NotificationCount;

  // the event `notification`, without keeping it

  sendNotificationToUser(userId: PersonId, notification: SentNotification): true;
  sendNotificationToUsers(userIds: PersonId[], notification: SentNotification): ReachedPeople;
  sendNotificationToAllConnected(notification: SentNotification): ReachedPeople;
  sendNotificationToRoom(room: string, notification: SentNotification): null;

  // discussions, private messages, courses, live sessions

  sendDiscussionMessage(room: string, message: DiscussionMessageInput): DiscussionMessage;
  sendDiscussionReaction(room: string, discussionId: Id, userId: PersonId, reaction: string): DiscussionReaction;
  sendPrivateMessage(message: PrivateMessageInput): PrivateMessage;
  sendCourseAnnouncement(courseId: Id, announcement: CourseAnnouncementInput): CourseAnnouncement;
  listCourseAnnouncements(courseId: Id, filter?: PageRequest): AnnouncementList;
  deleteCourseAnnouncement(courseId: Id, id: string): true;
  /** Tells all who are in the course. It is not kept. */
  sendCourseUpdate(courseId: Id, update: CourseUpdateInput): CourseUpdate;
  /** Tells all who are in the session. */
  sendLiveSessionEvent(room: Id, event: LiveSessionEventInput): LiveSessionEvent;

  // who is there

  isUserConnected(userId: PersonId): boolean;
  areUsersConnected(userIds: PersonId[]): Record<string, boolean>;
  /** The id of the newest socket; null when there is none. */
  getUserSocketId(userId: PersonId): string | null;
  getConnectedUsers(): string[];
  getConnectedUsersCount(): number;
  getConnectionStatus(): ConnectedPeople;
  /** How many sockets are in each room. */
  getRooms(): Record<string, number>;
  getRoomCount(room: string): number;
  getRoomUsers(room: string): string[];

  // who may be where

  /** Puts all of a person's devices into a room, now. Answers how many there are. */
  joinRoom(userId: PersonId, room: string): number;
  leaveRoom(userId: PersonId, room: string): number;
  /** Lets a person join a room from now on. Answers the room's one name, as `revokeRoom` does. */
  grantRoom(userId: PersonId, room: string): string;
  /** Takes a grant back: the person's devices leave, and hear `room_revoked`. */
  revokeRoom(userId: PersonId, room: string): string;
  /** Ends all connections of a person, who may come back. Answers how many there were. */
  disconnectUser(userId: PersonId): number;
  /** Ends all connections of a person, and refuses the tokens that were issued until now. */
  revokeUser(userId: PersonId): Disconnected;
  /** Ends the connections of one token, by its `jti`, and refuses it from now on. */
  revokeToken(jti: string): Disconnected;

  // one person's data

  exportPerson(userId: PersonId, cursor?: string): PersonExport;
  /** After a failure it may be called again. */
  erasePerson(userId: PersonId): PersonErased;
}

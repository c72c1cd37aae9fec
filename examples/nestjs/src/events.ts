// The events of the example and of the server, for the types of socket.io-client 4:
//
//     import type { Socket } from 'socket.io-client';
//     import type { ClientToServerEvents, EmitsWithAnswers, ServerToClientEvents } from '@lectern/nestjs/events';
//
//     type LecternSocket = EmitsWithAnswers & Socket<ServerToClientEvents, ClientToServerEvents>;
//
// Types only: it needs neither Nest nor Node. A team adds events of its own, and fields that its back end gives with
// messages and announcements, by `declare module '@lectern/nestjs/events' { interface ServerToClientEvents { … } }`.
// tests/sdk/types.test.mjs holds all of it against what the server sends.

// --- what many have in common

/** Any of these, or another text. */
type OrOther<Known extends string> = Known | (string & {});

/** A person's id as it is sent; an integer means its digits. The server always answers with text. */
export type PersonId = string | number;

/** An id of a course, discussion or session, with or without its kind: `7`, `course-7`, `course:7`. */
export type Id = string | number;

/** ISO 8601 with its zone, or milliseconds since 1970. The server always answers with ISO 8601 in UTC. */
export type Time = string | number | Date;

/** Why something was refused. */
export type ErrorCode = OrOther<
  | 'busy'
  | 'cancelled'
  | 'closed'
  | 'conflict'
  | 'exists'
  | 'forbidden'
  | 'full'
  | 'internal_error'
  | 'invalid'
  | 'not_found'
  | 'rate_limited'
  | 'refused'
  | 'timeout'
  | 'too_big'
  | 'unauthorized'
  | 'unavailable'
>;

/** A refusal, for programs (`code`) and people (`message`). `id` stands in the server's log. */
export interface Failure {
  code: ErrorCode;
  message: string;
  id?: string;
}

/** The answer to what was refused or failed. */
export interface Refused {
  ok: false;
  error: Failure;
}

/** The answer to what was done. */
export interface Done {
  ok: true;
}

/** An answer: what was asked for, or why not. `answer.ok` tells them apart. */
export type Ack<Answer extends Done = Done> = (answer: Answer | Refused) => void;

/** How many of a person's notifications are unread, and the number of their latest change in the store `epoch`. */
export interface Badge {
  unreadCount: number;
  rev: number;
  epoch: string;
}

/** Which part of a list. `cursor` is the `nextCursor` of the page before; `before` and `after` are ids. */
export interface PageRequest {
  limit?: number;
  cursor?: string;
}

export interface HistoryRequest extends PageRequest {
  before?: string;
  after?: string;
}

/** Where a list goes on. */
export interface PageEnd {
  hasMore: boolean;
  nextCursor?: string;
}

// --- connections and tokens

/** Why events may be missing after a reconnection: load anew what is shown. */
export type RecoveryFailure =
  | 'unknown'
  | 'expired'
  | 'no_offset'
  | 'offset_lost'
  | 'too_much'
  | 'user_changed';

/** What `error.data` says of a `connect_error`: whether another token helps (`unauthorized`), or only time. */
export interface ConnectRefused {
  code: OrOther<'unauthorized' | 'unavailable' | 'too_many_connections' | 'rate_limited'>;
}

/** The first event of a connection. The badge is missing while the database is away. */
export interface Connected extends Partial<Badge> {
  message: string;
  userId: string;
  socketId: string;
  /** The connection is the one of before, and nothing is missing. */
  recovered?: true;
  recoveryFailed?: RecoveryFailure;
}

export interface TokenExpiring {
  expiresAt: string;
  secondsLeft: number;
}

export interface TokenRefreshed extends Done {
  /** null: it never expires. */
  expiresAt: string | null;
}

/** A failure that no answer could tell, as none was asked for; or why the connection ends. */
export interface ErrorEvent extends Failure {
  /** The event that was refused. */
  event?: string;
}

// --- rooms and presence

export interface RoomRequest {
  room: string;
  /** What it is for, in the words of the page; the server goes by the room's name. */
  type?: OrOther<'course' | 'discussion' | 'live_session' | 'private'>;
}

/** Who is here: 100 ids at most, and how many people they are. */
export interface Online {
  online: string[];
  onlineCount: number;
}

export interface JoinedRoom extends Done, Online {
  /** The room's one name. */
  room: string;
  /** Of a live session: what somebody who comes late must know. */
  session?: LiveSession;
}

export interface LeftRoom extends Done {
  room: string;
}

/** The room, as the client wrote its name. */
export interface RoomChange {
  room: string;
}

export interface WhoIsOnline extends Done, Online {}

export interface RoomRevoked {
  room: string;
}

export interface UserPresence {
  userId: string;
  status: 'online' | 'offline';
  lastSeen: string;
}

export interface TypingRequest {
  room: string;
  discussionId?: Id;
}

/** To one person. The conversation of two is `alice.bob`, by their ids; or it is one of the platform's own. */
export interface ConversationTypingRequest {
  conversationId: string;
  receiverId: PersonId;
}

export interface ConversationTyping {
  conversationId: string;
  userId: string;
}

export interface TypingIndicator {
  room: string;
  discussionId?: Id;
  userId: string;
  isTyping: boolean;
}

// --- notifications

export type NotificationPriority = OrOther<'LOW' | 'NORMAL' | 'HIGH' | 'URGENT'>;

/** What a notification says. */
export interface NotificationContent {
  title: string;
  message: string;
  /** `INFO` unless given. */
  type?: string;
  /** `{}` unless given. */
  data?: any;
  /** `NORMAL` unless given. */
  priority?: NotificationPriority;
  actionUrl?: string;
}

/** A notification for one person. */
export interface NotificationRequest extends NotificationContent {
  userId: PersonId;
  /** The person that it names: when that one is erased, it goes. Nobody is told it. */
  about?: PersonId;
  /** From then on it is in no list and no count. */
  expiresAt?: Time;
}

/** A notification as it is kept. */
export interface StoredNotification {
  id: string;
  type: string;
  title: string;
  message: string;
  data: any;
  priority: NotificationPriority;
  actionUrl?: string;
  createdAt: string;
  expiresAt?: string;
  isRead: boolean;
  readAt?: string;
}

/** A new one of a person's. It is a change of their list: the badge after it, and what had to go for it. */
export interface NewNotification extends StoredNotification {
  unreadCount: number;
  rev: number;
  removedIds?: string[];
  isRoomNotification?: undefined;
}

/** To all who are in a room. It is in no list, and in no count. */
export interface RoomNotification {
  id: string;
  type: string;
  title: string;
  message: string;
  data: any;
  priority: NotificationPriority;
  actionUrl?: string;
  createdAt: string;
  isRoomNotification: true;
  rev?: undefined;
}

/** What a back end sends by `sendNotificationToUser` and the like, as it is. It is in no list, and in no count. */
export interface SentNotification extends Partial<NotificationContent> {
  id?: string;
  createdAt?: string;
  isRead?: boolean;
  isRoomNotification?: undefined;
  rev?: undefined;
}

/** Some of a person's were read, are deleted, or have expired. */
export interface UnreadCount {
  unreadCount: number;
  rev: number;
  readIds?: string[];
  allRead?: true;
  removedIds?: string[];
}

export interface SystemAnnouncement {
  type: string;
  title: string;
  message: string;
  data: any;
  priority: NotificationPriority;
  actionUrl?: string;
  isSystemAnnouncement: true;
}

export interface NotificationsRequest extends PageRequest {
  /** An id: only older ones. `cursor` is better. */
  before?: string;
  /** Only unread ones. */
  unread?: boolean;
}

/** Newest first. */
export interface NotificationList extends Badge, PageEnd {
  notifications: StoredNotification[];
}

export interface NotificationsSinceRequest {
  rev: number;
  epoch: string;
}

/** What came or changed, oldest first, and what is gone. */
export interface NotificationChanges extends Badge {
  notifications: StoredNotification[];
  removedIds: string[];
  reset?: undefined;
}

/** Too much has changed, or the store is another one: this takes the place of all that was known. */
export interface NotificationReset extends NotificationList {
  reset: true;
}

/** How many a change concerned, and the badge after it. */
export interface NotificationCount extends Badge {
  count: number;
}

// --- messages

/** What messages of rooms and of two people have in common. */
export interface Message {
  id: string;
  /** null: it was deleted. */
  content: string | null;
  timestamp: string;
  expiresAt?: string;
  editedAt?: string;
  editedBy?: string;
  deletedAt?: string;
  deletedBy?: string;
}

/** A message of a room, with whatever its back end gave besides. */
export interface DiscussionMessage extends Message {
  room: string;
  discussionId?: string;
  /** null: its author was erased. */
  userId: string | null;
  deletedUser?: true;
}

/** One that was written just now. */
export interface NewDiscussionMessage extends DiscussionMessage {
  content: string;
  userId: string;
}

export interface DiscussionMessageRequest {
  room: string;
  discussionId?: Id;
  content: string;
  /** Of the page's own: sending it again is no second message. */
  id?: string;
}

export interface EditMessageRequest {
  room: string;
  id: string;
  content: string;
}

export interface DeleteMessageRequest {
  room: string;
  id: string;
}

export interface DiscussionHistoryRequest extends HistoryRequest {
  room: string;
  discussionId?: Id;
}

/** Oldest first. Of a discussion, how many people gave each reaction, too. */
export interface DiscussionHistory extends PageEnd {
  messages: DiscussionMessage[];
  reactions?: Record<string, number>;
}

export interface ReactionRequest {
  room: string;
  discussionId: Id;
  messageId?: Id;
  reaction: string;
  /** Takes it back. */
  remove?: boolean;
}

export interface DiscussionReaction {
  room: string;
  discussionId: string;
  messageId?: string;
  userId: string;
  reaction: string;
  timestamp: string;
}

/** A message between two people. */
export interface PrivateMessage extends Message {
  from: string;
  to: string;
  data?: any;
  messageType?: MessageType;
  attachments?: any[];
}

export type MessageType = 'TEXT' | 'IMAGE' | 'FILE' | 'AUDIO' | 'VIDEO';

export interface NewPrivateMessage extends PrivateMessage {
  content: string;
}

export interface PrivateMessageRequest {
  to: PersonId;
  content: string;
  messageType?: MessageType;
  attachments?: any[];
  /** Of the page's own: sending it again is no second message. */
  id?: string;
}

export interface EditPrivateMessageRequest {
  with: PersonId;
  id: string;
  content: string;
}

export interface DeletePrivateMessageRequest {
  with: PersonId;
  id: string;
}

export interface PrivateHistoryRequest extends HistoryRequest {
  with: PersonId;
}

/** Oldest first. */
export interface PrivateHistory extends PageEnd {
  messages: PrivateMessage[];
}

/** What a person has with another one. */
export interface ConversationOverview {
  with: string;
  /** Their private room, which read marks are of. */
  room: string;
  /** null: it has expired, or is too old to be kept. */
  lastMessage: PrivateMessage | null;
  lastMessageAt: string;
  unreadCount: number;
}

/** The latest first. */
export interface ConversationList extends PageEnd {
  conversations: ConversationOverview[];
}

/** Of a room (without `from`), or of two people. */
export type MessageUpdated = {
  room: string;
  id: string;
  content: string;
  editedAt: string;
  editedBy: string;
} & MessagePlace;

export type MessageDeleted = {
  room: string;
  id: string;
  deletedAt: string;
  deletedBy: string;
} & MessagePlace;

type MessagePlace =
  | { discussionId?: string; from?: undefined; to?: undefined }
  | { discussionId?: undefined; from: string; to: string };

/** The other one was erased, and with them all that the two wrote to each other. */
export interface ConversationDeleted {
  room: string;
  with: string;
}

/** What is known of somebody, by their tokens or the platform; else null. */
export interface Profile {
  id: string;
  /** The whole name, where no part of it is known. */
  firstName: string | null;
  lastName: string | null;
  email: string | null;
  profileImage: string | null;
  role: string | null;
}

/** A private message as the chat of the platform shows it. */
export interface ChatMessage {
  id: string;
  conversationId: string;
  senderId: string;
  receiverId: string;
  content: string;
  messageType: MessageType;
  attachments: any[];
  isRead: boolean;
  readAt: string | null;
  isDeleted: boolean;
  deletedAt: string | null;
  isEdited: boolean;
  editedAt: string | null;
  createdAt: string;
  updatedAt: string;
  sender: Profile;
  receiver: Profile;
}

export interface ChatMessageEvent {
  message: ChatMessage;
  conversationId: string;
}

export interface ConversationChange {
  conversationId: string;
}

export interface JoinedConversation extends Done, ConversationChange {}

export interface MarkReadRequest {
  room: string;
  /** The newest unless given. */
  messageId?: string;
}

/** How far a person has read in a room; never, without `messageId`. */
export interface ReadMark {
  room: string;
  messageId?: string;
  readAt?: string;
  /** Up to 1,000 are counted. */
  unreadCount: number;
}

/** How far somebody else has read in a room, where `app.read_receipts` says that others may know. */
export interface RoomRead {
  room: string;
  readBy: string;
  messageId?: string;
  readAt?: string;
  conversationId?: undefined;
}

/** How many messages somebody has read just now in a conversation whose room the socket is in. */
export interface ConversationRead {
  conversationId: string;
  readBy: string;
  count: number;
  room?: undefined;
}

export interface PeopleRequest {
  /** 100 at most. */
  ids: PersonId[];
}

/** Names by id; who has never been here is missing. */
export interface People extends Done {
  names: Record<string, string>;
}

// --- courses

/** From staff, to all who are in a course. */
export interface AnnounceRequest {
  courseId: Id;
  title: string;
  message: string;
  /** The event that it is sent as: `course_announcement` (unless given), `course_update` or `notification`. */
  as?: 'announcement' | 'update' | 'notification';
  type?: string;
  data?: any;
  expiresAt?: Time;
}

/** What was announced to a course, with whatever its back end gave besides. It is kept for who comes later. */
export interface CourseAnnouncement {
  id: string;
  /** As it was given. */
  courseId: Id;
  title: string;
  message: string;
  type?: string;
  data?: any;
  instructorId?: string;
  timestamp: string;
  expiresAt?: string;
}

export interface CourseAnnouncementDeleted {
  courseId: Id;
  id: string;
}

/** What is new in a course, with whatever its back end gave besides. It is not kept. */
export interface CourseUpdate {
  /** As it was given. */
  courseId: Id;
  type?: string;
  title?: string;
  message?: string;
  data?: any;
  timestamp: string;
  expiresAt?: string | number;
}

export interface AnnouncementsRequest extends PageRequest {
  courseId: Id;
}

/** Newest first. */
export interface AnnouncementList extends PageEnd {
  announcements: CourseAnnouncement[];
}

// --- live sessions

export type LiveSessionEventType = OrOther<
  | 'hand_raised'
  | 'mute_all'
  | 'recording'
  | 'screen_share'
  | 'session_ended'
  | 'session_started'
  | 'user_joined'
  | 'user_left'
>;

export interface LiveSessionEventRequest {
  sessionId: Id;
  type: LiveSessionEventType;
  /** `{ up: boolean }` of a hand, `{ isSharing: boolean }` of a screen, or what the page likes. */
  data?: any;
}

export interface LiveSessionEvent {
  sessionId: Id;
  type: LiveSessionEventType;
  /** Missing in what a back end sends for nobody. */
  userId?: string;
  data?: any;
  timestamp: string;
}

export interface LiveSession {
  live: boolean;
  startedAt?: string;
  /** In the order in which they went up. */
  hands: { userId: string; since: string }[];
  screens: { userId: string; since: string }[];
}

// --- polls (the plugin)

export interface Poll {
  pollId: string;
  room: string;
  question: string;
  options: { label: string; votes: number }[];
  closed: boolean;
}

export interface OpenPollRequest {
  room: string;
  question: string;
  options: string[];
}

export interface PollRequest {
  pollId: string;
}

export interface VoteRequest extends PollRequest {
  /** The first option is 1. */
  choice: number;
}

export interface PollAnswer extends Done {
  poll: Poll;
}

/** `names`, for staff, tells who voted for what; it is empty unless the plugin's `show_names` is set. */
export interface PollDetails extends PollAnswer {
  names?: { person: string; choice: number }[];
}

// --- the events

/** What a client hears. */
export interface ServerToClientEvents {
  /** The first event of each connection. */
  connected: (connected: Connected) => void;
  /** Nobody asked for an answer, so a refusal comes as this; or the connection ends, with the code `unauthorized`. */
  error: (error: ErrorEvent) => void;
  /** Send `refresh_token` with a newer one, and the connection stays. */
  token_expiring: (token: TokenExpiring) => void;

  joined_room: (room: RoomChange) => void;
  left_room: (room: RoomChange) => void;
  /** A grant was taken back: the socket has left the room. */
  room_revoked: (room: RoomRevoked) => void;
  user_presence: (presence: UserPresence) => void;
  typing_indicator: (typing: TypingIndicator) => void;
  /** To the one who is written to, as `user_stopped_typing`. */
  user_typing: (typing: ConversationTyping) => void;
  user_stopped_typing: (typing: ConversationTyping) => void;

  /** `rev` tells that it is kept. */
  notification: (notification: NewNotification | RoomNotification | SentNotification) => void;
  unread_count: (change: UnreadCount) => void;
  system_announcement: (announcement: SystemAnnouncement) => void;

  discussion_message: (message: NewDiscussionMessage) => void;
  discussion_reaction: (reaction: DiscussionReaction) => void;
  discussion_reaction_removed: (reaction: DiscussionReaction) => void;
  message_updated: (message: MessageUpdated) => void;
  message_deleted: (message: MessageDeleted) => void;

  /** To all devices of both people. */
  private_message: (message: NewPrivateMessage) => void;
  conversation_deleted: (conversation: ConversationDeleted) => void;
  /** To the person's own devices. */
  read_mark: (mark: ReadMark) => void;
  messages_read: (read: RoomRead | ConversationRead) => void;

  joined_conversation: (conversation: ConversationChange) => void;
  left_conversation: (conversation: ConversationChange) => void;
  /** Beside each `private_message`: to the receiver's devices, and `message_sent` to the sender's. */
  new_message: (message: ChatMessageEvent) => void;
  message_sent: (message: ChatMessageEvent) => void;

  course_announcement: (announcement: CourseAnnouncement) => void;
  course_announcement_deleted: (announcement: CourseAnnouncementDeleted) => void;
  course_update: (update: CourseUpdate) => void;
  live_session_event: (event: LiveSessionEvent) => void;

  /** A poll was opened or closed, or has another vote. */
  poll: (poll: Poll) => void;
}

/**
 * What a client says. Each has an answer as last argument, so that `emitWithAck` knows its type; see
 * {@link EmitsWithAnswers} for leaving it out.
 */
export interface ClientToServerEvents {
  /** A newer token of the same person, on the living connection. */
  refresh_token: (token: string | { token: string }, ack: Ack<TokenRefreshed>) => void;

  join_room: (room: string | RoomRequest, ack: Ack<JoinedRoom>) => void;
  leave_room: (room: string | RoomRequest, ack: Ack<LeftRoom>) => void;
  who_is_online: (room: RoomRequest, ack: Ack<WhoIsOnline>) => void;
  /** In a room, told to those in it; or in a conversation, told to the receiver. */
  typing_start: (typing: TypingRequest | ConversationTypingRequest, ack: Ack) => void;
  typing_stop: (typing: TypingRequest | ConversationTypingRequest, ack: Ack) => void;
  mark_room_read: (mark: MarkReadRequest, ack: Ack<Done & ReadMark>) => void;
  room_unread: (room: RoomRequest, ack: Ack<Done & ReadMark>) => void;
  people: (people: PeopleRequest, ack: Ack<People>) => void;

  /** The badge's list: the first page without a cursor. */
  list_notifications: (request: NotificationsRequest, ack: Ack<Done & NotificationList>) => void;
  /** For who was away, or has missed a `rev`. */
  notifications_since: (
    request: NotificationsSinceRequest,
    ack: Ack<(Done & NotificationChanges) | (Done & NotificationReset)>,
  ) => void;
  mark_notification_read: (notification: { id: string }, ack: Ack<Done & NotificationCount>) => void;
  mark_all_notifications_read: (ack: Ack<Done & NotificationCount>) => void;
  delete_notification: (notification: { id: string }, ack: Ack<Done & NotificationCount>) => void;
  /** For staff. */
  notify: (notification: NotificationRequest, ack: Ack<Done & { notification: NewNotification }>) => void;
  /** For admins. */
  announce_system: (announcement: NotificationContent, ack: Ack) => void;

  discussion_message: (message: DiscussionMessageRequest, ack: Ack<Done & { message: DiscussionMessage }>) => void;
  edit_message: (edit: EditMessageRequest, ack: Ack<Done & { message: DiscussionMessage }>) => void;
  delete_message: (message: DeleteMessageRequest, ack: Ack<Done & { message: DiscussionMessage }>) => void;
  discussion_reaction: (reaction: ReactionRequest, ack: Ack) => void;
  discussion_history: (request: DiscussionHistoryRequest, ack: Ack<Done & DiscussionHistory>) => void;

  private_message: (message: PrivateMessageRequest, ack: Ack<Done & { message: PrivateMessage }>) => void;
  edit_private_message: (edit: EditPrivateMessageRequest, ack: Ack<Done & { message: PrivateMessage }>) => void;
  delete_private_message: (message: DeletePrivateMessageRequest, ack: Ack<Done & { message: PrivateMessage }>) => void;
  private_history: (request: PrivateHistoryRequest, ack: Ack<Done & PrivateHistory>) => void;
  list_conversations: (request: PageRequest, ack: Ack<Done & ConversationList>) => void;
  /** For its two people: who has read comes there. */
  join_conversation: (conversation: string | ConversationChange, ack: Ack<JoinedConversation>) => void;
  leave_conversation: (conversation: string | ConversationChange, ack: Ack<JoinedConversation>) => void;

  /** For staff who may join the course. */
  announce: (announcement: AnnounceRequest, ack: Ack) => void;
  list_announcements: (request: AnnouncementsRequest, ack: Ack<Done & AnnouncementList>) => void;
  /** From who is in the session. */
  live_session_event: (event: LiveSessionEventRequest, ack: Ack) => void;

  /** For staff in the room. */
  open_poll: (poll: OpenPollRequest, ack: Ack<PollAnswer>) => void;
  vote_poll: (vote: VoteRequest, ack: Ack<PollAnswer>) => void;
  /** For staff in the room. */
  close_poll: (poll: PollRequest, ack: Ack<PollAnswer>) => void;
  get_poll: (poll: PollRequest, ack: Ack<PollDetails>) => void;
}

// --- types about them

/** The arguments of a client's event, without the answer. */
export type EventArguments<Event extends keyof ClientToServerEvents> =
  Parameters<ClientToServerEvents[Event]> extends [...infer Arguments, (answer: never) => void] ? Arguments : never;

/** What a client's event is answered. */
export type EventAnswer<Event extends keyof ClientToServerEvents> =
  Parameters<ClientToServerEvents[Event]> extends [...unknown[], (answer: infer Answer) => void] ? Answer : never;

/**
 * What the types of socket.io-client 4.8 lack, whose `timeout().emitWithAck()` answers `any` and whose `emit()` insists
 * on an answer where there can be one. Stands in front of `Socket` in the type of a socket.
 */
export interface EmitsWithAnswers {
  emit<Event extends keyof ClientToServerEvents>(event: Event, ...args: EventArguments<Event>): this;
  timeout(ms: number): {
    emit<Event extends keyof ClientToServerEvents>(
      event: Event,
      ...args: [...EventArguments<Event>, (error: Error | null, answer: EventAnswer<Event>) => void]
    ): unknown;
    emitWithAck<Event extends keyof ClientToServerEvents>(
      event: Event,
      ...args: EventArguments<Event>
    ): Promise<EventAnswer<Event>>;
  };
}

import { useEffect, useRef, useState } from 'react';
import type {
  DiscussionMessage,
  MessageDeleted,
  MessageUpdated,
  NewDiscussionMessage,
  TypingIndicator,
  UserPresence,
} from '@lectern/nestjs/events';
import { TIMEOUT, granted, type LecternSocket } from './socket';

const TYPING_AGAIN = 2_000; // ms, while somebody goes on typing

export interface Course {
  courseId: string;
  /** The room's one name, once it is joined. */
  room?: string;
  messages: DiscussionMessage[];
  online: string[];
  typing: string[];
  problem?: string;
}

const outside = (courseId: string): Course => ({ courseId, messages: [], online: [], typing: [] });

const without = (ids: string[], id: string) => ids.filter((one) => one !== id);
const withOne = (ids: string[], id: string) => [...without(ids, id), id];

// Those of before and new ones, each once: what is told may be in the history, too.
function merged(older: DiscussionMessage[], newer: DiscussionMessage[]): DiscussionMessage[] {
  const known = new Set(older.map(({ id }) => id));
  return [...older, ...newer.filter(({ id }) => !known.has(id))];
}

/** A course's room: joined while the component is there and the socket is connected, and joined again after that. */
export function useCourse(socket: LecternSocket | null, isConnected: boolean, courseId: string) {
  const [known, setCourse] = useState(() => outside(courseId));
  const course = known.courseId === courseId ? known : outside(courseId);
  const { room } = course;

  useEffect(() => {
    if (!socket || !isConnected) return;
    let inside = true;
    const change = (fn: (course: Course) => Partial<Course>) => inside && setCourse((now) => ({ ...now, ...fn(now) }));
    const told: NewDiscussionMessage[] = []; // since it listens
    setCourse((now) => (now.courseId === courseId ? now : outside(courseId)));

    const mine = `course:${courseId}`;
    const onMessage = (message: NewDiscussionMessage) => {
      if (message.room !== mine) return;
      told.push(message);
      change(({ messages, typing }) => ({ messages: merged(messages, [message]), typing: without(typing, message.userId) }));
    };
    const onChanged = (what: MessageUpdated | MessageDeleted) => {
      if (what.room !== mine) return;
      const { id } = what;
      const content = 'content' in what ? what.content : null;
      change(({ messages }) => ({ messages: messages.map((one) => (one.id === id ? { ...one, ...editOf(what), content } : one)) }));
    };
    const onTyping = ({ room: where, userId, isTyping }: TypingIndicator) => {
      if (where === mine) change(({ typing }) => ({ typing: isTyping ? withOne(typing, userId) : without(typing, userId) }));
    };
    const onPresence = ({ userId, status }: UserPresence) => {
      change(({ online, typing }) => (status === 'online' ? { online: withOne(online, userId) } : { online: without(online, userId), typing: without(typing, userId) }));
    };

    socket.on('discussion_message', onMessage);
    socket.on('message_updated', onChanged);
    socket.on('message_deleted', onChanged);
    socket.on('typing_indicator', onTyping);
    socket.on('user_presence', onPresence);
    void enter();

    async function enter() {
      try {
        const joined = await granted(socket!.timeout(TIMEOUT).emitWithAck('join_room', { room: mine, type: 'course' }));
        change(() => ({ room: joined.room, online: joined.online, problem: undefined }));
        const { messages } = await granted(socket!.timeout(TIMEOUT).emitWithAck('discussion_history', { room: mine }));
        change(() => ({ messages: merged(messages, told) }));
      } catch (error) {
        change(() => ({ problem: error instanceof Error ? error.message : String(error) }));
      }
    }

    return () => {
      inside = false;
      socket.off('discussion_message', onMessage);
      socket.off('message_updated', onChanged);
      socket.off('message_deleted', onChanged);
      socket.off('typing_indicator', onTyping);
      socket.off('user_presence', onPresence);
      if (socket.connected) socket.emit('leave_room', { room: mine });
      setCourse((now) => ({ ...now, room: undefined, online: [], typing: [] })); // what was said stays, to be read
    };
  }, [socket, isConnected, courseId]);

  const typed = useTyping(socket, room);

  async function send(content: string): Promise<void> {
    if (!socket || !room) throw new Error('not connected');
    typed(false);
    const id = newId(); // sent again after a lost answer it would be no second message
    await granted(socket.timeout(TIMEOUT).emitWithAck('discussion_message', { room, content, id }));
  }

  return { ...course, send, typed };
}

function editOf(what: MessageUpdated | MessageDeleted): Partial<DiscussionMessage> {
  if ('content' in what) return { editedAt: what.editedAt, editedBy: what.editedBy };
  return { deletedAt: what.deletedAt, deletedBy: what.deletedBy };
}

function newId(): string {
  return [...crypto.getRandomValues(new Uint8Array(12))].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

// Says that the person types, and goes on typing; the server takes it back when nothing more comes.
function useTyping(socket: LecternSocket | null, room: string | undefined) {
  const last = useRef(0);
  return (isTyping: boolean) => {
    if (!socket?.connected || !room) return;
    const now = Date.now();
    if (isTyping && now - last.current >= TYPING_AGAIN) {
      last.current = now;
      socket.emit('typing_start', { room });
    } else if (!isTyping && last.current > 0) {
      last.current = 0;
      socket.emit('typing_stop', { room });
    }
  };
}

// What happens in courses, discussions and live sessions, with the signatures of the guide's WebSocketService.

import { Inject, Injectable } from '@nestjs/common';
import { LecternClient, type LecternCallOptions } from './client';

export interface DiscussionMessage {
  id?: string | undefined;
  discussionId?: string | undefined;
  userId: string;
  content: string;
  timestamp?: Date | string | undefined;
}

export interface LiveSessionEvent {
  sessionId?: string | undefined;
  type: string;
  userId?: string | undefined;
  data?: any;
}

export interface CourseAnnouncement {
  title: string;
  message: string;
  instructorId?: string | undefined;
  /** From then on it is in no list. */
  expiresAt?: Date | string | number | undefined;
}

export interface CourseUpdate {
  type: string;
  title?: string | undefined;
  message?: string | undefined;
  data?: any;
  [field: string]: unknown;
}

/** Each method may have options of its call last. Courses and sessions may be named with their kind or without. */
@Injectable()
export class WebSocketService {
  constructor(@Inject(LecternClient) private readonly client: LecternClient) {}

  /** Keeps a message of a discussion, and sends it to the room; an `id` that was sent before is no second message. */
  sendDiscussionMessage(room: string, message: DiscussionMessage, options?: LecternCallOptions): Promise<void> {
    return this.done('sendDiscussionMessage', [room, message], options);
  }

  /** Keeps a person's reaction, and sends it to the room. */
  sendDiscussionReaction(
    room: string,
    discussionId: string,
    userId: string,
    reaction: string,
    options?: LecternCallOptions,
  ): Promise<void> {
    return this.done('sendDiscussionReaction', [room, discussionId, userId, reaction], options);
  }

  /** Tells all who are in a live session what happens there. */
  sendLiveSessionEvent(room: string, event: LiveSessionEvent, options?: LecternCallOptions): Promise<void> {
    return this.done('sendLiveSessionEvent', [room, event], options);
  }

  /** Keeps an announcement of a course, and sends it to who is there. */
  sendCourseAnnouncement(courseId: string, announcement: CourseAnnouncement, options?: LecternCallOptions): Promise<void> {
    return this.done('sendCourseAnnouncement', [courseId, announcement], options);
  }

  /** Tells all who are in a course what is new. It is not kept. */
  sendCourseUpdate(courseId: string, update: CourseUpdate, options?: LecternCallOptions): Promise<void> {
    return this.done('sendCourseUpdate', [courseId, update], options);
  }

  private done(name: string, args: unknown[], options?: LecternCallOptions): Promise<void> {
    return this.client.failures.guard(
      async () => void (await this.client.call(name, args, options)),
      () => undefined,
    );
  }
}

import { useEffect, useRef, useState, type FormEvent } from 'react';
import type { DiscussionMessage } from '@lectern/nestjs/events';
import type { LecternSocket } from './socket';
import { useCourse } from './useCourse';

const time = new Intl.DateTimeFormat(undefined, { timeStyle: 'short' });

interface Props {
  socket: LecternSocket | null;
  isConnected: boolean;
  courseId: string;
  me: string;
  onLeave: () => void;
}

export function CourseRoom({ socket, isConnected, courseId, me, onLeave }: Props) {
  const { room, messages, online, typing, problem, send, typed } = useCourse(socket, isConnected, courseId);
  return (
    <main className="room">
      <section className="talk" aria-label={`Discussion of ${courseId}`}>
        <div className="room-head">
          <h2>{courseId}</h2>
          <span>{room ? `${online.length} here` : (problem ?? 'joining…')}</span>
          <button className="quiet" onClick={onLeave}>
            Leave
          </button>
        </div>
        <Messages messages={messages} me={me} isJoined={room !== undefined} />
        <p className="typing" aria-live="polite">
          {typing.length > 0 && `${typing.slice(0, 3).join(', ')}${typing.length > 3 ? ' and others' : ''} ${typing.length > 1 ? 'are' : 'is'} typing…`}
        </p>
        <Composer isReady={room !== undefined} onSend={send} onTyping={typed} />
      </section>
      <aside className="people">
        <h2>Here now</h2>
        <ul>
          {online.map((id) => (
            <li key={id}>
              <Face id={id} /> {id}
              {id === me && <em> you</em>}
            </li>
          ))}
        </ul>
      </aside>
    </main>
  );
}

function Face({ id }: { id: string }) {
  const hue = [...id].reduce((sum, letter) => sum + letter.codePointAt(0)! * 37, 0) % 360;
  return (
    <span className="face" style={{ '--hue': hue } as React.CSSProperties} aria-hidden="true">
      {[...id][0]?.toUpperCase()}
    </span>
  );
}

function Messages({ messages, me, isJoined }: { messages: DiscussionMessage[]; me: string; isJoined: boolean }) {
  const list = useRef<HTMLOListElement>(null);
  useEffect(() => {
    if (list.current) list.current.scrollTop = list.current.scrollHeight;
  }, [messages.length]);
  return (
    <ol className="messages" ref={list}>
      {messages.length === 0 && isJoined && <li className="empty">Nobody has written yet. Say hello.</li>}
      {messages.map(({ id, userId, content, timestamp, editedAt, deletedAt }) => (
        <li key={id} data-mine={userId === me}>
          <Face id={userId ?? '?'} />
          <div>
            <p className="by">
              <strong>{userId ?? 'Deleted user'}</strong>
              <time dateTime={timestamp}>{time.format(new Date(timestamp))}</time>
              {editedAt && !deletedAt && <span>edited</span>}
            </p>
            <p className="content">{content ?? <em>deleted</em>}</p>
          </div>
        </li>
      ))}
    </ol>
  );
}

function Composer(props: { isReady: boolean; onSend: (text: string) => Promise<void>; onTyping: (isTyping: boolean) => void }) {
  const { isReady, onSend, onTyping } = props;
  const [text, setText] = useState('');
  const [problem, setProblem] = useState<string>();

  async function submit(event: FormEvent) {
    event.preventDefault();
    const content = text.trim();
    if (!content || !isReady) return;
    setText('');
    setProblem(undefined);
    try {
      await onSend(content);
    } catch (error) {
      setText((now) => now || content); // to send it again
      setProblem(error instanceof Error ? error.message : String(error));
    }
  }

  return (
    <form className="composer" onSubmit={submit}>
      {problem && (
        <p className="problem" role="alert">
          It was not sent: {problem}
        </p>
      )}
      <input
        aria-label="Message"
        placeholder={isReady ? 'Write to the course' : 'Connecting…'}
        value={text}
        maxLength={2000}
        onChange={({ target }) => {
          setText(target.value);
          onTyping(target.value !== '');
        }}
        onBlur={() => onTyping(false)}
      />
      <button className="primary" disabled={!isReady || text.trim() === ''}>
        Send
      </button>
    </form>
  );
}

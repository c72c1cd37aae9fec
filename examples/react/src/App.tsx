import { useState } from 'react';
import { Bell } from './Bell';
import { CourseRoom } from './CourseRoom';
import { LogIn } from './LogIn';
import type { LecternSocket } from './socket';
import { fetchToken, personOf } from './token';
import { useTokenRenewal } from './useTokenRenewal';
import { useWebSocket } from './useWebSocket';

export function App({ token: first }: { token?: string }) {
  const [token, setToken] = useState(first);
  return token ? <Classroom token={token} onLogOut={() => setToken(undefined)} /> : <LogIn onToken={setToken} />;
}

function Classroom({ token, onLogOut }: { token: string; onLogOut: () => void }) {
  const { socket: untyped, isConnected } = useWebSocket(token);
  const socket: LecternSocket | null = untyped;
  const problem = useTokenRenewal(socket, fetchToken);
  const [course, setCourse] = useState<string | undefined>('demo');
  if (import.meta.env.DEV) Object.assign(globalThis, { lecternSocket: socket }); // to try events in the console

  return (
    <div className="page">
      <header>
        <h1>Course room</h1>
        <span className="status" data-state={isConnected ? 'on' : problem ? 'refused' : 'off'} role="status">
          {isConnected ? 'Connected' : problem ? 'Logged out' : 'Connecting…'}
        </span>
        <Bell socket={socket} />
        <span className="person" title="Who the token says you are">
          {personOf(token)}
        </span>
        <button className="quiet" onClick={onLogOut}>
          Log out
        </button>
      </header>
      {problem && !isConnected && (
        <p className="banner" role="alert">
          {problem}. <button onClick={onLogOut}>Log in</button>
        </p>
      )}
      {course ? (
        <CourseRoom key={course} socket={socket} isConnected={isConnected} courseId={course} me={personOf(token)} onLeave={() => setCourse(undefined)} />
      ) : (
        <CourseChoice onChoose={setCourse} />
      )}
    </div>
  );
}

function CourseChoice({ onChoose }: { onChoose: (course: string) => void }) {
  return (
    <main className="choice">
      <form
        className="card"
        action={(form) => {
          const course = String(form.get('course')).trim();
          if (course) onChoose(course);
        }}
      >
        <h2>Join a course</h2>
        <label>
          Its number or name
          <input name="course" defaultValue="demo" required maxLength={100} autoFocus />
        </label>
        <button className="primary">Join</button>
      </form>
    </main>
  );
}

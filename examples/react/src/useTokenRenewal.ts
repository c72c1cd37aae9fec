import { useEffect, useEffectEvent, useState } from 'react';
import type { ErrorEvent } from '@lectern/nestjs/events';
import { TIMEOUT, granted, type LecternSocket } from './socket';

const RETRY = 5_000; // ms, when no new token could be had before the old one expires
const APART = 1_000; // ms, at least between two new tokens: the next one may be no newer

const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * Keeps a socket's token fresh, by a function of the app that gets a new one. The connection of `useWebSocket` lives on,
 * so give that hook the first token only: another one would make another connection.
 *
 * - `token_expiring`: a new token goes to the server on the living connection, and into `socket.auth` for later ones.
 * - The token expired all the same (the computer slept), or a reconnection is refused as `unauthorized`: it gets a new
 *   one and connects again, once. If that is refused, too, `problem` says so: it is time to log in.
 *
 * `fetchToken` need not be the same function each time. Returns why the connection has no good token; undefined if it has.
 */
export function useTokenRenewal(socket: LecternSocket | null, fetchToken: () => Promise<string>): string | undefined {
  const [problem, setProblem] = useState<string>();
  const newToken = useEffectEvent(fetchToken);

  useEffect(() => {
    if (!socket) return;
    let mounted = true;
    let refused = false; // since it was connected last
    let expired = false; // the server said so, and will disconnect
    let last = 0; // when a new token was asked for

    async function ask(): Promise<string> {
      await wait(Math.max(0, last + APART - Date.now()));
      last = Date.now();
      return newToken();
    }

    const say = (text?: string) => mounted && setProblem(text);

    // In what is left to the old one; later, `error` and the disconnection tell.
    async function renew({ secondsLeft }: { secondsLeft: number }) {
      const end = Date.now() + secondsLeft * 1000;
      do {
        try {
          const token = await ask();
          if (!mounted) return;
          socket!.auth = { token };
          if (socket!.connected) await granted(socket!.timeout(TIMEOUT).emitWithAck('refresh_token', token));
          return;
        } catch {
          await wait(RETRY);
        }
      } while (mounted && Date.now() < end);
    }

    async function reconnect(why: string) {
      if (refused) return say(why);
      refused = true;
      try {
        const token = await ask();
        if (!mounted) return;
        socket!.auth = { token };
        socket!.connect();
      } catch (error) {
        say(`${why} (${error instanceof Error ? error.message : error})`);
      }
    }

    const onConnected = () => {
      refused = expired = false;
      say(undefined);
    };
    const onError = ({ code, event }: ErrorEvent) => {
      if (code === 'unauthorized' && event === undefined) expired = true;
    };
    const onDisconnect = (reason: string) => {
      if (expired && reason === 'io server disconnect') void reconnect('The session has expired');
    };
    const onRefused = (error: Error & { data?: { code?: string } }) => {
      if (error.data?.code === 'unauthorized') void reconnect(error.message);
    };

    socket.on('token_expiring', renew);
    socket.on('connected', onConnected);
    socket.on('error', onError);
    socket.on('disconnect', onDisconnect);
    socket.on('connect_error', onRefused);
    return () => {
      mounted = false;
      socket.off('token_expiring', renew);
      socket.off('connected', onConnected);
      socket.off('error', onError);
      socket.off('disconnect', onDisconnect);
      socket.off('connect_error', onRefused);
    };
  }, [socket]);

  return problem;
}

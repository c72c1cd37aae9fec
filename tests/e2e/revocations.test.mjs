// Who was revoked stays out: after a restart, and beyond what fits into memory.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { useServer } from './support/suite.mjs';
import { inSeconds } from './support/tokens.mjs';
import { until } from './support/wait.mjs';

const LASTING = { LECTERN_DATABASE: 'sqlite:lectern.db' };

const OLD = { iat: inSeconds(-60) };

for (const [title, args] of [['a few', []], ['more than fit into memory', ['--max-revocations', '2']]]) {
  describe(`revocations, ${title}`, () => {
    const room = useServer({ args, env: LASTING });
    const refused = async (id, claims) => {
      const error = await room.client(id, { claims: { ...OLD, ...claims } }).hear('connect_error');
      assert.equal(error.message, 'Authentication error: the token was revoked');
      assert.equal(error.data.code, 'unauthorized');
    };

    it('hold, before and after a restart', async () => {
      let root = await room.join('root');
      const eve = await room.join('eve', { claims: OLD });
      for (const id of ['eve', 'p1', 'p2', 'p3', 'p4']) await root.ask('api', 'revoke_user', [id]);
      for (const jti of ['t1', 't2', 't3', 't4', 't5']) await root.ask('api', 'revoke_token', [jti]);
      await eve.hear('disconnect');
      const look = async () => {
        for (const id of ['eve', 'p1', 'p2', 'p3', 'p4']) await refused(id);
        for (const jti of ['t1', 't2', 't3', 't4', 't5']) await refused('anybody', { jti });
        await room.join('other', { claims: { ...OLD, jti: 't6' } });
        await room.join('p1', { claims: { iat: inSeconds(2) } });
      };
      await until(() => Date.now() / 1000 > inSeconds(0), 'now');
      await look();
      await room.restart();
      await look();
      root = await room.join('root', { claims: { iat: inSeconds(1) } });
      await root.ask('api', 'revoke_token', ['t6']);
      await refused('other', { jti: 't6' });
      await refused('eve');
    });

    it('refuse another token, too', async () => {
      const { tokenFor } = await import('./support/tokens.mjs');
      const person = await room.join('somebody');
      assert.equal((await person.ask('refresh_token', tokenFor('somebody', { jti: 't1' }))).error.code, 'unauthorized');
      assert.equal((await person.ask('refresh_token', tokenFor('somebody', { jti: 't7' }))).ok, true);
    });
  });
}

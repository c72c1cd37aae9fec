// A Person with an older client: the unmodified socket.io-client 2 (or 1, as `library`), which speaks
// Engine.IO 3. The token goes by the query, and is in "/" as well as in the namespace asked for.
import io from 'socket.io-client-2';
import { Person } from './person.mjs';

export class OldPerson extends Person {
  open(server, token, { auth, namespace, library = io, ...options }) {
    const query = { ...auth, ...(token === null ? {} : { token }) };
    return library(server.url + namespace, { query, forceNew: true, reconnection: false, ...options });
  }

  listen() {
    const { onevent } = this.socket;
    this.socket.onevent = (packet) => {
      this.record(packet.data[0], packet.data.slice(1));
      onevent.call(this.socket, packet);
    };
    // A refusal is the event `error` here; so are errors of the connection.
    this.socket.on('connect', () => this.record('connect', []));
    for (const event of ['error', 'connect_error', 'disconnect']) this.socket.on(event, (what) => this.record(event, [what]));
  }

  async admitted(ms) {
    const [error] = await this.hearAll(['connect', 'connect_error', 'error'], undefined, ms);
    if (error) throw new Error(`${this.id} is not let in: ${JSON.stringify(error.description ?? error)}`);
  }
}

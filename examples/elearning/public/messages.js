// A list of messages, one node for each id: those on their way, those that were sent, changed, taken back.
import { append, clock, el, toast } from './dom.js';
import { face, who } from './names.js';
import { post } from './outbox.js';
import { me } from './server.js';

export class Messages {
  #nodes = new Map(); // id → node
  #known = new Map(); // id → what is known of it
  #time = 0; // one more each time the list becomes another one

  constructor(list) {
    this.list = list;
  }

  clear() {
    this.list.replaceChildren();
    this.#nodes.clear();
    this.#known.clear();
    this.#time += 1;
  }

  // One that came, or came again: {id, userId, content, timestamp, editedAt?, deletedAt?}.
  show(message) {
    const id = String(message.id);
    const node = this.#nodes.get(id) ?? this.#add(id, message.userId);
    this.#known.set(id, message);
    delete node.dataset.state;
    const { content, timestamp, editedAt, deletedAt } = message;
    node.querySelector('time').textContent = [clock(timestamp), editedAt && !deletedAt && 'changed'].filter(Boolean).join(' · ');
    node.querySelector('p').textContent = deletedAt ? 'This message was taken back.' : String(content);
    node.classList.toggle('gone', Boolean(deletedAt));
    node.querySelector('.trouble')?.remove();
  }

  // What became of one, if it is shown: {id, content, editedAt} or {id, deletedAt}.
  change(message) {
    const known = this.#known.get(String(message.id));
    if (known) this.show({ ...known, ...message });
  }

  showAll(messages) {
    for (const message of messages ?? []) this.show(message);
  }

  // A line between the messages.
  note(...parts) {
    append(this.list, el('li', { className: 'line' }, ...parts));
  }

  // Sends what one wrote, which is in the list at once. What comes of it when the list is another one by then, of other
  // people, is shown there no more: it is in their history, or told.
  send(event, payload) {
    const time = this.#time;
    post(event, payload, (id, state, more) => {
      if (time !== this.#time) {
        if (state === 'refused') toast(`Not sent: ${more}`, payload.content, 'bad');
        return;
      }
      if (state === 'sent') {
        this.show({ ...more, id, userId: me.id });
        return;
      }
      const node = this.#nodes.get(id) ?? this.#add(id, me.id);
      node.dataset.state = state;
      node.querySelector('p').textContent = payload.content;
      node.querySelector('time').textContent = state === 'sending' ? 'on its way…' : 'not sent';
      if (state === 'refused') this.#refuse(id, node, more, event, payload);
    });
  }

  #refuse(id, node, why, event, payload) {
    const leave = () => {
      node.remove();
      this.#nodes.delete(id);
    };
    const again = () => {
      leave();
      this.send(event, payload);
    };
    node.querySelector('.bubble').append(el('div', { className: 'trouble' }, `${why} `,
      el('button', { type: 'button', className: 'link', onclick: again }, 'Try again'),
      el('button', { type: 'button', className: 'link', onclick: leave }, 'Discard')));
  }

  #add(id, userId) {
    const mine = userId === me.id;
    const node = el('li', { className: mine ? 'mine' : '' },
      mine ? null : face(userId ?? '?'),
      el('div', { className: 'bubble' },
        el('header', {}, mine ? el('b', {}, 'You') : userId === null ? el('b', {}, 'deleted user') : who(userId, 'b'), el('time')),
        el('p')));
    node.dataset.id = id;
    append(this.list, node);
    this.#nodes.set(id, node);
    for (const [old, shown] of this.#nodes) {
      if (shown.isConnected) break; // the oldest leave the list first
      this.#nodes.delete(old);
      this.#known.delete(old);
    }
    return node;
  }
}

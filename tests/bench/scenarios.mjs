// What is measured. `args` are the load generator's; `unit` is what server CPU is divided by. `small` replaces
// numbers for a run that only shows that everything works.
const fanout = { name: 'fanout', unit: 'delivered message', args: { clients: 1001, count: 500, warmup: 60 }, small: { clients: 21, count: 20, warmup: 5 } };

export const scenarios = [
  { ...fanout, id: 'fan-out, 1 in flight', bar: 1.15 },
  { ...fanout, id: 'fan-out, 8 in flight', args: { ...fanout.args, 'in-flight': 8, count: 3000, warmup: 160 }, bar: 1.3 },
  {
    id: '50 rooms of 20, 500/s', name: 'rooms', unit: 'delivered message', latency: 4 / 3,
    args: { clients: 1000, rooms: 50, rate: 500, seconds: 10 }, small: { clients: 20, rooms: 5, rate: 100, seconds: 1 },
  },
  {
    id: 'join_room with ack, 200 clients', name: 'calls', unit: 'call', bar: 1.8,
    args: { clients: 200, count: 60000, warmup: 20000 }, small: { clients: 10, count: 200, warmup: 50 },
  },
  {
    id: 'connect, token, join: 5,000', name: 'storm', unit: 'connect', bar: 2.5,
    args: { clients: 5000, warmup: 1000 }, small: { clients: 50, warmup: 10 },
  },
  {
    id: '10,000 idle', name: 'idle', unit: 'connection', memory: true,
    args: { clients: 10000, seconds: 5 }, small: { clients: 100, seconds: 1 },
  },
  { ...fanout, id: 'fan-out, TLS', tls: true },
  { ...fanout, id: 'fan-out, polling', args: { ...fanout.args, polling: true, count: 60, warmup: 30 } },
  { ...fanout, id: 'fan-out, 1 KB', args: { ...fanout.args, payload: 1024 } },
  { ...fanout, id: 'fan-out, 16 KB', args: { ...fanout.args, payload: 16384, count: 60, warmup: 20 } },
  { ...fanout, id: 'fan-out, 1 KB binary', args: { ...fanout.args, payload: 1024, binary: true } },
];

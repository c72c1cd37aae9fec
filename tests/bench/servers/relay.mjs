// The benchmark's behaviour on npm's socket.io: people join rooms, and typing is relayed as it is.
import jwt from 'jsonwebtoken';

export function relay(io, secret) {
  io.use((socket, next) => {
    try {
      socket.data.user = jwt.verify(socket.handshake.auth.token, secret, { algorithms: ['HS256'] });
      next();
    } catch {
      next(new Error('unauthorized'));
    }
  });
  io.on('connection', (socket) => {
    socket.on('join_room', (request, ack) => {
      socket.join(request.room);
      ack({ ok: true, room: request.room });
    });
    socket.on('typing_start', (typing) => {
      typing.userId = socket.data.user.sub;
      typing.isTyping = true;
      socket.to(typing.room).emit('typing_indicator', typing);
    });
  });
}

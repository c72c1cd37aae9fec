// Join course discussion
socket.emit('join_room', {
  room: 'course:123',
  type: 'discussion',
});

// Join live session
socket.emit('join_room', {
  room: 'live-session:456',
  type: 'live_session',
});

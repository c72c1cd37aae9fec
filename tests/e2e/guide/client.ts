import { io } from 'socket.io-client';

const socket = io('http://localhost:3001', {
  auth: {
    token: 'your-jwt-token',
  },
});

// Connection events
socket.on('connected', (data) => {
  console.log('Connected:', data);
});

socket.on('notification', (notification) => {
  console.log('New notification:', notification);
});

// Join a room (e.g., course discussion)
socket.emit('join_room', {
  room: 'course:123',
  type: 'discussion',
});

// Send typing indicator
socket.emit('typing_start', {
  room: 'course:123',
  discussionId: 'discussion-456',
});

socket.emit('typing_stop', {
  room: 'course:123',
  discussionId: 'discussion-456',
});

// User joined live session
await webSocketService.sendLiveSessionEvent('live-session:456', {
  sessionId: 'live-session-456',
  type: 'user_joined',
  userId: 'user-123',
  data: { userName: 'John Doe' },
});

// Screen sharing started
await webSocketService.sendLiveSessionEvent('live-session:456', {
  sessionId: 'live-session-456',
  type: 'screen_share',
  userId: 'instructor-789',
  data: { isSharing: true },
});

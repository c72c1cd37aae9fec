import { WebSocketService } from './websocket/websocket.service';

// Send discussion message
await webSocketService.sendDiscussionMessage('course:123', {
  id: 'msg-456',
  discussionId: 'discussion-789',
  userId: 'user-123',
  content: 'Great question!',
  timestamp: new Date(),
});

// Send reaction
await webSocketService.sendDiscussionReaction(
  'course:123',
  'discussion-789',
  'user-123',
  '👍',
);

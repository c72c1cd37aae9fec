// The guide's snippets leave two names free, which stand for what Nest injects where they are used.
import type { NotificationService } from './notifications/notification.service.js';
import type { WebSocketService } from './websocket/websocket.service.js';

declare global {
  var notificationService: NotificationService;
  var webSocketService: WebSocketService;
}

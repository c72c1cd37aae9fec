export { WebSocketService } from '@lectern/nestjs';

import { OnEvent } from '@nestjs/event-emitter';
import { OnGatewayConnection, OnGatewayDisconnect, WebSocketGateway, WebSocketServer } from '@nestjs/websockets';

// As platforms have it: one socket a person, in the memory of one process.
@WebSocketGateway({ cors: { origin: '*' } })
export class WebSocketGatewayService implements OnGatewayConnection, OnGatewayDisconnect {
  @WebSocketServer() private readonly server: any;
  private readonly sockets = new Map<string, string>();

  handleConnection(socket: any): void {
    const userId = JSON.parse(Buffer.from(String(socket.handshake.auth.token).split('.')[1], 'base64url').toString()).sub;
    socket.data.userId = userId;
    this.sockets.set(userId, socket.id);
    socket.emit('connected', { userId });
  }

  handleDisconnect(socket: any): void {
    this.sockets.delete(socket.data.userId);
  }

  @OnEvent('notification.created')
  notify({ userId, notification }: { userId: string; notification: unknown }): void {
    const socket = this.sockets.get(userId);
    if (socket) this.server.to(socket).emit('notification', notification);
  }

  @OnEvent('notification.system')
  announce({ notification }: { notification: unknown }): void {
    this.server.emit('system_announcement', notification);
  }
}

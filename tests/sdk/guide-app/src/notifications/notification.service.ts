export { NotificationService } from '@lectern/nestjs';

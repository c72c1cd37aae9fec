import { NotificationService } from './notifications/notification.service';

// Single user notification
await notificationService.createNotification({
  userId: 'user-123',
  type: 'COURSE_UPDATE',
  title: 'New Lesson Available',
  message: 'A new lesson has been added to your course',
  data: { courseId: 'course-456' },
});

// Bulk notifications
await notificationService.createBulkNotifications([
  {
    userId: 'user-1',
    type: 'ANNOUNCEMENT',
    title: 'System Maintenance',
    message: 'Scheduled maintenance tonight',
  },
  {
    userId: 'user-2',
    type: 'ANNOUNCEMENT',
    title: 'System Maintenance',
    message: 'Scheduled maintenance tonight',
  },
]);

// Room notification (course announcement)
await notificationService.createRoomNotification('course:123', {
  type: 'COURSE_ANNOUNCEMENT',
  title: 'Important Update',
  message: 'Please check the new assignment',
});

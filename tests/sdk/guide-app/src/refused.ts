// What the compiler must refuse, so that it is known to look at the guide's snippets: each line below is an error.
export async function refused(): Promise<void> {
  // @ts-expect-error There is no title.
  await notificationService.createNotification({ userId: 'user-123', type: 'COURSE_UPDATE', message: 'A new lesson' });
  // @ts-expect-error A list is needed.
  await notificationService.createBulkNotifications({ userId: 'user-1', type: 'ANNOUNCEMENT', title: 'a', message: 'b' });
  // @ts-expect-error A time is no number.
  await webSocketService.sendDiscussionMessage('course:123', { id: '1', discussionId: '2', userId: '3', content: '4', timestamp: 5 });
  // @ts-expect-error The reaction is missing.
  await webSocketService.sendDiscussionReaction('course:123', 'discussion-789', 'user-123');
  // @ts-expect-error There is no such method.
  await webSocketService.sendCourseUpdates('course-123', {});
}

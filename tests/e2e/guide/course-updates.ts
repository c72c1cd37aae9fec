// Course announcement
await webSocketService.sendCourseAnnouncement('course-123', {
  title: 'New Assignment Posted',
  message: 'Check out the new assignment in Module 3',
  instructorId: 'instructor-456',
});

// Course update
await webSocketService.sendCourseUpdate('course-123', {
  type: 'new_lesson',
  title: 'New Lesson Available',
  message: 'Module 4: Advanced Topics is now available',
  data: { lessonId: 'lesson-789' },
});

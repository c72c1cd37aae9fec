const socket = io('http://localhost:3001', {
  auth: {
    token: 'your-jwt-token',
  },
});

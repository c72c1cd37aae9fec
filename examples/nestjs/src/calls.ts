// The functions of the server's API, by name: what `LecternClient.call` takes and answers.

/**
 * Functions with their arguments and answers. A team adds its own by
 * `declare module '@lectern/nestjs' { interface LecternCalls { … } }`.
 */
export interface LecternCalls {
  getUnreadCount(userId: string): number;
  isUserConnected(userId: string): boolean;
}

interface ImportMetaEnv {
  /** Where the server is, unless at http://localhost:3001. */
  readonly VITE_LECTERN_URL?: string;
  /** Where this app's back end gives new tokens. */
  readonly VITE_TOKEN_URL?: string;
}

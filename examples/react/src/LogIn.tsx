/** Where an app would have its log-in. */
export function LogIn({ onToken }: { onToken: (token: string) => void }) {
  return (
    <main className="choice">
      <form className="card" action={(form) => onToken(String(form.get('token')).trim())}>
        <h2>Log in</h2>
        <p>
          <code>examples/elearning/run</code> prints a token for a teacher and one for a student.
        </p>
        <label>
          Token
          <textarea name="token" rows={4} required spellCheck={false} autoComplete="off" />
        </label>
        <button className="primary">Log in</button>
      </form>
    </main>
  );
}

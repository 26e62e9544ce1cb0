/** Returns the path, absolute: relative ones resolve against the base directory; `.` and `..` go. */
export function resolvePath(baseDirectory: string, path: string): string {
  const joined = path.startsWith("/") ? path : `${baseDirectory}/${path}`;
  const parts: string[] = [];
  for (const part of joined.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return `/${parts.join("/")}`;
}

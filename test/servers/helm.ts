import { installByGo, locateProgram } from "./locate-program.ts";

const helmModule = "helm.sh/helm/v3/cmd/helm@v3.22.0";

/** Returns the path of Helm 3: from the PATH, the cache, or built by Go. Throws what to install. */
export function provideHelm(): Promise<string> {
  return locateProgram({
    program: "helm",
    install: (folder) => installByGo(helmModule, folder),
    remedy:
      "put Helm 3 on the PATH (https://helm.sh/docs/intro/install), or install Go 1.25 or newer",
  });
}

import { installByApt, locateProgram } from "./locate-program.ts";

/** Returns the path of buildah: from the PATH, or installed by apt. Throws what to install. */
export function provideBuildah(): Promise<string> {
  return locateProgram({
    program: "buildah",
    install: () => installByApt("buildah"),
    remedy: "install it as root: apt-get install buildah",
  });
}

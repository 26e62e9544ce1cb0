package bench;

import java.util.*;

/** key=value arguments; -Dkey=value are Flink options. */
public final class Args {
    final Map<String, String> m = new TreeMap<>();
    final Map<String, String> flink = new TreeMap<>();
    public Args(String[] v) {
        for (String s : v) {
            int k = s.indexOf('=');
            if (s.startsWith("-D")) flink.put(s.substring(2, k), s.substring(k + 1)); else m.put(s.substring(0, k), s.substring(k + 1));
        }
    }
    public boolean has(String k) { return m.containsKey(k); }
    public String s(String k, String d) { return m.getOrDefault(k, d); }
    public int i(String k, int d) { return has(k) ? Integer.parseInt(m.get(k)) : d; }
    public long l(String k, long d) { return has(k) ? Long.parseLong(m.get(k)) : d; }
    public boolean b(String k) { return "true".equals(m.get(k)); }
}

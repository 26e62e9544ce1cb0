{{/* The label selector of a component's pods. Takes root and component. */}}
{{- define "millrace.podsOf" -}}
matchLabels:
  {{- include "millrace.selectorLabels" .root | nindent 2 }}
  app.kubernetes.io/component: {{ .component }}
{{- end }}

{{- define "millrace.dnsRule" -}}
{{- $dns := .Values.networkPolicy.dns -}}
- to:
    - namespaceSelector:
        matchLabels:
          {{- toYaml $dns.namespaceLabels | nindent 10 }}
      podSelector:
        matchLabels:
          {{- toYaml $dns.podLabels | nindent 10 }}
  ports:
    - { protocol: UDP, port: 53 }
    - { protocol: TCP, port: 53 }
{{- end }}

{{/* Takes a list of peers. Link-local addresses hold the cloud's metadata service, and with it credentials. */}}
{{- define "millrace.peersOrAnywhere" -}}
{{- if . }}{{ toYaml . }}
{{- else -}}
- ipBlock:
    cidr: 0.0.0.0/0
    except: [169.254.0.0/16]
- ipBlock:
    cidr: ::/0
    except: [fe80::/10, fd00:ec2::254/128]
{{- end }}
{{- end }}

{{- define "millrace.scrapeRule" -}}
{{- if and .Values.metrics.enabled .Values.networkPolicy.scrapers -}}
- from:
    {{- toYaml .Values.networkPolicy.scrapers | nindent 4 }}
  ports:
    - { protocol: TCP, port: {{ .Values.metrics.port }} }
{{- end }}
{{- end }}

{{/* The ports of the etcd endpoints, each once, as a JSON list. */}}
{{- define "millrace.etcdPorts" -}}
{{- $ports := list }}
{{- if .Values.networkPolicy.etcdPort }}
{{- $ports = list (int .Values.networkPolicy.etcdPort) }}
{{- else }}
{{- range .Values.etcd.endpoints }}
{{- $ports = append $ports (last (splitList ":" .) | int) }}
{{- end }}
{{- end }}
{{- $ports | uniq | toJson }}
{{- end }}

{{- define "millrace.objectsPort" -}}
{{- $endpoint := .Values.objects.endpoint }}
{{- $host := (urlParse (default "https://s3" $endpoint)).host }}
{{- if .Values.networkPolicy.objectsPort }}{{ .Values.networkPolicy.objectsPort }}
{{- else if regexMatch ":[0-9]+$" $host }}{{ last (splitList ":" $host) }}
{{- else if hasPrefix "http://" $endpoint }}80
{{- else }}443
{{- end }}
{{- end }}

{{/* Not empty when there is a test pod: it needs a token where tokens are asked for. */}}
{{- define "millrace.hasTest" -}}
{{- if and .Values.tests.enabled (or .Values.tests.tokenSecret (not .Values.auth.existingSecret)) }}yes{{ end }}
{{- end }}

{{/* Labels that select the pods; never changed, as a StatefulSet cannot change them. */}}
{{- define "clearline.selector" -}}
app.kubernetes.io/name: clearline
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "clearline.labels" -}}
{{ include "clearline.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{/* All objects are called after the release. */}}
{{- define "clearline.name" -}}
{{ .Release.Name | trunc 50 | trimSuffix "-" }}
{{- end -}}

"""The site's pages in their order, and where those come from that do not lie below docs."""

#: Chapters and their pages.
CHAPTERS = {
    "Start": [
        "start/python",
        "start/c",
        "start/jvm",
        "start/spark",
        "start/which-call",
        "start/testing",
    ],
    "Examples": ["gallery/index"],
    "Guides": [
        "guide/python",
        "guide/jvm",
        "guide/spark-sql",
        "guide/spark-job",
        "configuration",
        "errors",
        "crashes",
        "troubleshooting",
        "guide/security",
    ],
    "Reference": [
        "api/python",
        "api/c",
        "api/java",
        "types",
        "eval-types",
        "reuse",
        "conformance",
    ],
    "Numbers, others": ["benchmarks", "guide/measuring", "differences"],
    "Project": ["architecture", "rationale", "guide/contributing", "guide/changelog"],
}

#: Pages by the files of the repository that are them.
ELSEWHERE = {
    "guide/python": "bindings/python/README.md",
    "guide/jvm": "bindings/java/README.md",
    "guide/spark-sql": "bindings/spark/README.md",
    "guide/spark-job": "jni-example/README.md",
    "guide/measuring": "benchmarks/README.md",
    "guide/security": "SECURITY.md",
    "guide/contributing": "CONTRIBUTING.md",
    "guide/changelog": "CHANGELOG.md",
}

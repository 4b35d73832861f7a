"""The Airflow DAG `erase_personal_data`; `wiring.py` makes it."""

from airflow.sdk import DAG
from wiring import erasure

dag: DAG = erasure(
    purpose="Intet om personer ligger længere i varehuset, end datasættets kontrakt tillader.",
    description="""
Rækker, der er ældre end deres frist på forretningsdatoen, forlader landing, karantæne, varehusets egen indbakke og de
private byggerier; den, der ikke har flere rækker i et formål, forlader dets nøglearkiv. Derefter udgives et nyt
varehus, og alle tidligere udgivelser fjernes. `warehouse erase retention --dry-run` viser, hvad der vil gå, og
`warehouse erase proofs`, hvad der er gået: antal, aldrig hvem.

**En bestemt person slettes kun i hånden**, med `warehouse erase person` på maskinen: et CPR-nummer må aldrig stå i en
kørsels konfiguration, en variabel, en forbindelse eller en log i Airflow. Denne DAG tager derfor ingen parametre.
""",
    when_it_fails="""
Den gentager frit: det, der er slettet, er slettet, og næste forsøg gør resten.

- **En anden kørsel har låsen:** loggen nævner processen. Opgaven prøver igen af sig selv.
- **Der er slettet, men intet nyt kunne udgives:** loggen nævner porten og de udgivelser, der står tilbage, og som er
  lavet med de slettede rækker. Ret årsagen som for `refresh_warehouse`, og ryd opgaven (Clear).
- **Landingsprocessen endte med et signal:** hukommelse eller genstart. Ryd opgaven; ingen fil er halvt skrevet.
- `warehouse status` er rød, indtil en påbegyndt sletning er ført til ende.
""",
)

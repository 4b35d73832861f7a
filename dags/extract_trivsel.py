"""The Airflow DAG `extract_trivsel`; `wiring.py` makes it from the contracts of the domain."""

from airflow.sdk import DAG
from wiring import extract

dag: DAG = extract(
    "trivsel",
    purpose="Kommunens egne svar fra den nationale trivselsmåling er modtaget, kontrolleret og klar.",
    description="""
Læser eksporten af elevernes svar. Svarene lander blandet, uden navn, køn, fødselsdag og linjenummer, med en nøgle som
ingen andre data har: ingen må lægge dem sammen med sager, og ingen kan.
""",
    when_it_fails="""
- **Eksporten er afvist:** oftest svar, der ikke passer til klassetrinnets skema (0.-3. klasse: 20 spørgsmål, svar
  1-3), eller et skoleår, der mangler skoler. Målingen er fra 20. januar til 20. marts; en rettet fil erstatter hele
  skoleåret.
- **Uden for foråret kommer der intet.** Så er landingen sprunget over, og det er, som det skal være.
""",
)
